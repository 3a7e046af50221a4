using System.Globalization;
using System.Text;
using Conclave.Cli.Rendering;

namespace Conclave.Cli.Demo;

/// <summary>A receipt for a person. Pure.</summary>
internal static class ReceiptText
{
    public static string Of(DialerReceipt receipt)
    {
        var (one, other) = (receipt.WithoutElection, receipt.WithElection);
        var text = new StringBuilder();
        text.AppendLine("Receipt of the double dialer").AppendLine();
        text.Append(TextTable.Render(["WHAT", "WITHOUT ELECTION", "WITH ELECTION"],
        [
            ["instances", Number(one.Instances), Number(other.Instances)],
            ["customers", Number(receipt.Customers), Number(receipt.Customers)],
            ["calls billed", Number(one.CallsBilled), Number(other.CallsBilled)],
            ["customers called more than once", Number(one.CustomersCalledMoreThanOnce), Number(other.CustomersCalledMoreThanOnce)],
            ["customers not called", Number(one.CustomersNotCalled), Number(other.CustomersNotCalled)],
            ["calls refused for a stale token", "", Number(other.RefusedForStaleToken)],
            ["repetitions absorbed by their key", "", Number(other.AbsorbedByKey)],
            ["calls of former leaders billed", "", Number(other.LateCallsBilled)],
            ["duration", Seconds(one.Seconds), Seconds(other.Seconds)],
        ]));
        text.AppendLine();
        text.Append(TextTable.Render(["FAULT OF THE LEADER", "AFTER CUSTOMERS", "BEFORE", "AFTER", "WITHOUT LEADER"], receipt.Faults.Select(fault => (string[])
        [
            fault.Fault, Number(fault.AtCustomers), Leader(fault.Before), Leader(fault.After), Seconds(fault.SecondsWithoutLeader),
        ])));
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"{(receipt.Passed ? "Passed" : "FAILED")}: {receipt.Verdict}. {Seconds(receipt.Seconds)} in all.");
        if (receipt.Directory is { } directory)
            text.AppendLine($"Bills and logs are in {directory}");
        return text.ToString();
    }

    private static string Leader(DemoLeader leader) => string.Create(CultureInfo.InvariantCulture, $"{leader.Instance} (token {leader.Token})");

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
}
