using System.CommandLine;
using System.Globalization;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class ScaleCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var wishes = new Argument<string[]>("SERVICE=COUNT") { Description = "Such as web=5.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("scale", "Change how many instances a service has. Lasts until the file says something new; 'status' shows both numbers.") { wishes, file };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            // All are checked before the first is done.
            foreach (var (service, count) in result.GetValue(wishes)!.Select(Parse).ToList())
            {
                var before = await context.Cluster.ScaleAsync(location, service, count, stopping);
                context.Line(string.Create(CultureInfo.InvariantCulture, $"{service}: {before} → {count}"));
            }

            return ExitCode.Ok;
        });
        return command;
    }

    internal static (string Service, int Count) Parse(string wish)
    {
        var equals = wish.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new ConclaveException($"'{wish}' says no count; write web=5", ExitCode.Usage);
        if (!int.TryParse(wish.AsSpan(equals + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count)
            || count is < 0 or > ServiceSpec.ReplicasMax)
            throw new ConclaveException($"'{wish[(equals + 1)..]}' is not a count; write a whole number from 0 to {ServiceSpec.ReplicasMax}", ExitCode.Usage);
        return (wish[..equals], count);
    }
}
