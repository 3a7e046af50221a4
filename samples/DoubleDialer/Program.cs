using Conclave;
using Conclave.Samples.DoubleDialer;
using Conclave.Samples.DoubleDialer.Dialing;
using Conclave.Samples.DoubleDialer.Telephony;

// Two programs of the same sample: the telephony API that bills each call, and the instance that calls the customers. README.md says how to run them.
try
{
    return args switch
    {
        ["telephony", .. var rest] => await TelephonyProgram.RunAsync(rest),
        ["dialer", .. var rest] => await DialerProgram.RunAsync(rest),
        _ => throw new UsageException("the first word is 'telephony' or 'dialer'"),
    };
}
catch (UsageException wrong)
{
    Console.Error.WriteLine($"{wrong.Message}; see samples/DoubleDialer/README.md");
    return 2;
}
catch (ElectionException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 1;
}
