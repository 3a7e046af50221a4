using System.Globalization;

namespace Conclave.Cli.Demo;

/// <summary>A line of the telephony API's bill: <c>number,customer,key,token,caller</c>.</summary>
internal readonly record struct BillLine(long Number, int Customer, string Key, long Token, string Caller)
{
    /// <exception cref="FormatException">It is no line of a bill.</exception>
    public static BillLine Parse(string line)
    {
        if (line.Split(',') is [var number, var customer, var key, var token, var caller])
            return new BillLine(long.Parse(number, CultureInfo.InvariantCulture), int.Parse(customer, CultureInfo.InvariantCulture), key, long.Parse(token, CultureInfo.InvariantCulture), caller);
        throw new FormatException($"'{line}' is not a line of the bill");
    }
}

/// <summary>What a bill says about a campaign. Pure: the same lines in the same order give the same tally.</summary>
internal sealed class LaneTally(int customers)
{
    // Index 0 counts calls of people who are no customers; there must be none.
    private readonly int[] _calls = new int[customers + 1];

    public int Customers => customers;

    public long CallsBilled { get; private set; }

    public int CustomersCalled { get; private set; }

    public int CustomersCalledMoreThanOnce { get; private set; }

    /// <summary>Calls of nobody on the list.</summary>
    public int StrangersCalled => _calls[0];

    /// <summary>Calls whose token was older than that of a call before: a leader of the past was let through.</summary>
    public long LateCalls { get; private set; }

    /// <summary>0 where calls carry no token.</summary>
    public long HighestToken { get; private set; }

    public bool IsExactlyOnce => CallsBilled == customers && CustomersCalled == customers;

    public void Add(BillLine line)
    {
        CallsBilled++;
        if (line.Token < HighestToken)
            LateCalls++;
        HighestToken = Math.Max(HighestToken, line.Token);
        if (line.Customer < 1 || line.Customer > customers)
        {
            _calls[0]++;
            return;
        }

        switch (++_calls[line.Customer])
        {
            case 1:
                CustomersCalled++;
                break;
            case 2:
                CustomersCalledMoreThanOnce++;
                break;
        }
    }
}

/// <summary>Follows a bill as it grows.</summary>
internal sealed class BillTail(string path, LaneTally tally)
{
    private const int BlockBytes = 1 << 16;

    private readonly List<byte> _rest = [];
    private long _position;

    /// <summary>Adds the lines that were completed since the last look.</summary>
    public void Look()
    {
        if (!File.Exists(path))
            return;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        file.Position = _position;
        var block = new byte[BlockBytes];
        for (int read; (read = file.Read(block)) > 0; _position += read)
        {
            foreach (var one in block.AsSpan(0, read))
            {
                if (one != '\n')
                {
                    _rest.Add(one);
                    continue;
                }

                tally.Add(BillLine.Parse(System.Text.Encoding.ASCII.GetString([.. _rest])));
                _rest.Clear();
            }
        }
    }
}
