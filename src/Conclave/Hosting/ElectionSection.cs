using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>
/// One election's section of the configuration, <c>Conclave:Elections:NAME</c>, or a backend's part of it. Read by hand rather than by a binder: that needs no
/// reflection, a misspelt key is refused instead of ignored, and every error names the key and the remedy. For those who write a backend. Not thread-safe.
/// </summary>
/// <remarks>
/// Every method returns <c>otherwise</c> when the key is absent and throws <see cref="OptionsValidationException"/> when its value cannot be read, which a host reports at start.
/// A name that contains a colon cannot be found, because the colon separates keys.
/// </remarks>
public sealed class ElectionSection
{
    internal const string Root = "Conclave:Elections";

    private readonly string _election;
    private readonly string _path;
    private readonly IConfigurationSection? _section;
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    private ElectionSection(string election, string path, IConfigurationSection? section) => (_election, _path, _section) = (election, path, section);

    /// <summary>The section of an election, empty where the services have no <see cref="IConfiguration"/>.</summary>
    /// <param name="services">Of the host.</param>
    /// <param name="election">Its name.</param>
    /// <param name="part">A backend's own part, such as <c>Etcd</c>; null for the section itself.</param>
    public static ElectionSection Of(IServiceProvider services, string election, string? part = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(election);
        var section = services.GetService<IConfiguration>()?.GetSection(Root).GetSection(election);
        return part is null
            ? new ElectionSection(election, $"{Root}:{election}", section)
            : new ElectionSection(election, $"{Root}:{election}:{part}", section?.GetSection(part));
    }

    /// <summary>A text.</summary>
    public string Text(string key, string otherwise) => Value(key) ?? otherwise;

    /// <summary>A whole number in decimal digits.</summary>
    public int Count(string key, int otherwise)
    {
        if (Value(key) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) ? count : throw Unreadable(key, text, "write a whole number such as 10");
    }

    /// <summary>A number with a decimal point.</summary>
    public double Number(string key, double otherwise)
    {
        if (Value(key) is not { } text)
            return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Unreadable(key, text, "write a number such as 0.01");
    }

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool Flag(string key, bool otherwise)
    {
        if (Value(key) is not { } text)
            return otherwise;
        return bool.TryParse(text, out var flag) ? flag : throw Unreadable(key, text, "write true or false");
    }

    /// <summary>A duration with its unit, <c>500ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>, or as <c>00:00:05</c>. A bare number has no unit and is refused.</summary>
    public TimeSpan Duration(string key, TimeSpan otherwise)
    {
        if (Value(key) is not { } text)
            return otherwise;
        return TryDuration(text.Trim(), out var duration) ? duration : throw Unreadable(key, text, "write a duration with its unit such as 5s, 500ms or 00:00:05");
    }

    /// <summary>Texts: an array, or one value with commas.</summary>
    public IReadOnlyList<string> List(string key, IReadOnlyList<string> otherwise)
    {
        _known.Add(key);
        var section = _section?.GetSection(key);
        if (section?.Value is { } joined)
            return joined.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var items = section?.GetChildren().Select(item => item.Value).OfType<string>().ToArray();
        return items is { Length: > 0 } ? items : otherwise;
    }

    /// <summary>Refuses keys that nobody asked for, after all others have been read. Sections within the section are left to whom they belong.</summary>
    /// <exception cref="OptionsValidationException">There is such a key.</exception>
    public void RefuseUnknownKeys()
    {
        var unknown = _section?.GetChildren().FirstOrDefault(child => child.Value is not null && !_known.Contains(child.Key));
        if (unknown is not null)
            throw Refused($"{_path}:{unknown.Key} is not an option. Known: {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
    }

    private static bool TryDuration(string text, out TimeSpan duration)
    {
        if (text.Contains(':', StringComparison.Ordinal))
            return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out duration);

        var digits = text.AsSpan().TrimEnd("smh");
        double? milliseconds = text[digits.Length..] switch
        {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => null,
        };
        duration = default;
        if (milliseconds is not { } unit || !double.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return false;
        if (Math.Abs(number * unit) > TimeSpan.MaxValue.TotalMilliseconds / 2)
            return false;
        duration = TimeSpan.FromMilliseconds(number * unit);
        return true;
    }

    private string? Value(string key)
    {
        _known.Add(key);
        return _section?[key];
    }

    private OptionsValidationException Unreadable(string key, string text, string remedy) => Refused($"{_path}:{key} is '{text}': {remedy}.");

    private OptionsValidationException Refused(string message) => new(_election, typeof(LeaderElectionOptions), [message]);
}
