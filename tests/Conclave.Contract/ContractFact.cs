using System.ComponentModel;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Conclave.Contract;

/// <summary>A file without which a class of tests is skipped, and how to get it. Inherited tests are skipped as well if they are <see cref="ContractFactAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class NeedsAttribute(string file, string package) : Attribute
{
    public string File { get; } = file;

    public string Package { get; } = package;

    public static string? MissingFor(Type tests) => tests.GetCustomAttributes<NeedsAttribute>()
        .Select(need => Missing(need.File, need.Package))
        .FirstOrDefault(missing => missing is not null);

    public static string? Missing(string file, string? package) =>
        System.IO.File.Exists(file) ? null : $"{file} is not there (apt-get install {package})";
}

/// <summary>A fact that every backend's class inherits, skipped where that class lacks what it <see cref="NeedsAttribute">needs</see>, or this fact alone needs a file that is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Conclave.Contract.ContractFactDiscoverer", "Conclave.Contract")]
public sealed class ContractFactAttribute : FactAttribute
{
    public string? File { get; set; }

    /// <summary>Where <see cref="File"/> comes from.</summary>
    public string? Package { get; set; }
}

/// <summary>Made by xunit.</summary>
public sealed class ContractFactDiscoverer(IMessageSink diagnostics) : FactDiscoverer(diagnostics)
{
    protected override IXunitTestCase CreateTestCase(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        new ContractTestCase(DiagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod);
}

internal sealed class ContractTestCase : XunitTestCase
{
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("Called by the deserializer.")]
    public ContractTestCase() { }

    public ContractTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions displayOptions, ITestMethod method)
        : base(diagnostics, display, displayOptions, method) { }

    protected override string? GetSkipReason(IAttributeInfo factAttribute) =>
        NeedsAttribute.MissingFor(TestMethod.TestClass.Class.ToRuntimeType())
        ?? (factAttribute.GetNamedArgument<string?>(nameof(ContractFactAttribute.File)) is { } file
            ? NeedsAttribute.Missing(file, factAttribute.GetNamedArgument<string?>(nameof(ContractFactAttribute.Package)))
            : null)
        ?? base.GetSkipReason(factAttribute);
}
