using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>The public and protected surface of an assembly as lines that a person reads and a diff shows. What the compiler makes for records is not told.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(int)] = "int", [typeof(long)] = "long", [typeof(uint)] = "uint", [typeof(ulong)] = "ulong",
        [typeof(double)] = "double", [typeof(string)] = "string", [typeof(object)] = "object", [typeof(void)] = "void", [typeof(char)] = "char",
    };

    public static IReadOnlyList<string> Of(Assembly assembly) =>
        [.. assembly.GetExportedTypes().OrderBy(type => Name(type), StringComparer.Ordinal).SelectMany(type => MembersOf(type).Order(StringComparer.Ordinal).Prepend(Head(type)))];

    private static string Head(Type type)
    {
        var kind = type switch
        {
            { IsInterface: true } => "interface",
            { IsEnum: true } => "enum",
            { IsValueType: true } => type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly struct" : "struct",
            { IsAbstract: true, IsSealed: true } => "static class",
            { IsAbstract: true } => "abstract class",
            { IsSealed: true } => "sealed class",
            _ => "class",
        };
        var bases = type.IsEnum ? [] : type.GetInterfaces().Where(i => i.IsVisible && type.BaseType?.IsAssignableTo(i) != true).Select(i => Name(i)).Order(StringComparer.Ordinal).ToList();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
            bases.Insert(0, Name(parent));
        return bases.Count == 0 ? $"{kind} {Name(type)}" : $"{kind} {Name(type)} : {string.Join(", ", bases)}";
    }

    private static IEnumerable<string> MembersOf(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"  {Name(type)}.{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)}");

        var nullable = new NullabilityInfoContext();
        var owner = "  " + Name(type) + ".";
        return type.GetMembers(Declared).Where(IsOurs).Select(member => member switch
        {
            ConstructorInfo made when IsSeen(made) && !made.IsStatic => $"{owner}ctor({Parameters(made, nullable)})",
            MethodInfo { IsSpecialName: true } special when !special.Name.StartsWith("op_", StringComparison.Ordinal) => null,
            MethodInfo method when IsSeen(method) => $"{owner}{Modifiers(method)}{method.Name}{Generic(method)}({Parameters(method, nullable)}) -> {Name(nullable.Create(method.ReturnParameter))}",
            PropertyInfo property when Accessors(property) is { Length: > 0 } accessors =>
                $"{owner}{Modifiers(property.GetAccessors(nonPublic: true)[0])}{property.Name} {{ {accessors}}} -> {Name(nullable.Create(property))}{Required(property)}",
            FieldInfo field when field.IsPublic || field.IsFamily => $"{owner}{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{field.Name} -> {Name(nullable.Create(field))}{Value(field)}",
            EventInfo happening when IsSeen(happening.AddMethod!) => $"{owner}event {happening.Name} -> {Name(happening.EventHandlerType!)}",
            _ => null,
        }).OfType<string>();
    }

    private static bool IsOurs(MemberInfo member) => !member.IsDefined(typeof(CompilerGeneratedAttribute));

    private static bool IsSeen(MethodBase method) => method.IsPublic || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed);

    private static string Modifiers(MethodBase method) => method switch
    {
        { IsStatic: true } => "static ",
        { DeclaringType.IsInterface: true } => "",
        { IsAbstract: true } => "abstract ",
        { IsVirtual: true, IsFinal: false } when !method.DeclaringType!.IsSealed => "virtual ",
        _ => "",
    };

    private static string Accessors(PropertyInfo property)
    {
        var init = property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
        return (property.GetMethod is { } get && IsSeen(get) ? "get; " : "") + (property.SetMethod is { } set && IsSeen(set) ? init ? "init; " : "set; " : "");
    }

    private static string Required(PropertyInfo property) => property.IsDefined(typeof(RequiredMemberAttribute)) ? " required" : "";

    private static string Generic(MethodInfo method) => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(a => a.Name))}>" : "";

    private static string Parameters(MethodBase method, NullabilityInfoContext nullable)
    {
        var extension = method.IsDefined(typeof(ExtensionAttribute));
        return string.Join(", ", method.GetParameters().Select(p =>
            $"{(extension && p.Position == 0 ? "this " : "")}{(p.IsOut ? "out " : p.ParameterType.IsByRef ? "ref " : "")}{Name(nullable.Create(p))} {p.Name}{(p.HasDefaultValue ? $" = {Literal(p.DefaultValue)}" : "")}"));
    }

    private static string Value(FieldInfo field) => field.IsLiteral ? $" = {Literal(field.GetRawConstantValue())}" : "";

    private static string Literal(object? value) => value switch
    {
        null => "default",
        string text => $"\"{text}\"",
        bool yes => yes ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Name(NullabilityInfo info)
    {
        var type = info.Type.IsByRef ? info.Type.GetElementType()! : info.Type;
        if (Nullable.GetUnderlyingType(type) is { } value)
            return Name(value) + "?";
        var mark = !type.IsValueType && info.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsArray)
            return $"{(info.ElementType is { } element ? Name(element) : Name(type.GetElementType()!))}[]{mark}";
        return info.GenericTypeArguments.Length == 0 ? Name(type) + mark : $"{Bare(type)}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>{mark}";
    }

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;
        if (type.IsByRef)
            return Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter)
            return type.Name;
        return type.IsGenericType ? $"{Bare(type)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : Bare(type);
    }

    private static string Bare(Type type)
    {
        var name = type.IsNested ? $"{Bare(type.DeclaringType!)}.{type.Name}" : $"{type.Namespace}.{type.Name}";
        return name.Contains('`', StringComparison.Ordinal) ? name[..name.IndexOf('`', StringComparison.Ordinal)] : name;
    }
}
