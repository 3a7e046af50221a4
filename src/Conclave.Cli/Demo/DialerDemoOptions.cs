using Conclave.Orchestration;

namespace Conclave.Cli.Demo;

/// <summary>What the telephony API of the demo does without, to see what then goes wrong.</summary>
internal enum MissingDefence
{
    None,

    /// <summary>It looks at no fencing token.</summary>
    Token,

    /// <summary>It knows no idempotency keys.</summary>
    Key,
}

/// <summary>How the double dialer is shown. The numbers follow from each other, so that each fault meets what it is about at any size.</summary>
internal sealed record DialerDemoOptions
{
    public const int CustomersMin = 400;
    public const int CustomersMax = 1_000_000;

    /// <summary>Default 10,000.</summary>
    public int Customers { get; init; } = 10_000;

    public MissingDefence Without { get; init; }

    /// <summary>Where everything is written and kept. Null: a temporary directory, removed when all went well.</summary>
    public string? Directory { get; init; }

    /// <summary>As many as the story has.</summary>
    public int Instances { get; init; } = 5;

    /// <summary>Customers that an instance calls at the same time.</summary>
    public int Lines { get; init; } = 16;

    /// <summary>
    /// The API remembers the keys of so many calls: enough for all that can be in doubt when a leader ends (<see cref="Lines"/>), and few enough that a leader that slept finds them forgotten, as it would in
    /// an API that remembers a day after sleeping two.
    /// </summary>
    public int RememberedKeys => Math.Clamp(Customers / 20, 4 * Lines, 500);

    /// <summary>A paused leader is woken after its successors' so many calls: by then the keys of its own last calls are forgotten.</summary>
    public int CallsBeforeWaking => RememberedKeys + (2 * Lines);

    /// <summary>How long the leadership of a dead leader lasts.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Customers called when each of the three faults is injected.</summary>
    public int FaultAt(int number) => Customers / 4 * number;

    /// <exception cref="ConclaveException">An option makes no sense.</exception>
    public void Validate()
    {
        if (Customers is < CustomersMin or > CustomersMax)
            throw new ConclaveException($"--customers takes a number from {CustomersMin} (with fewer there is no room for three faults) to {CustomersMax}", ExitCode.Usage);
    }
}
