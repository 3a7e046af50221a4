using System.CommandLine;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class InitCommand
{
    public static Command Create(CommandContext context)
    {
        var file = new Option<string>("--file", "-f") { Description = "Where to.", DefaultValueFactory = _ => ClusterFile.DefaultName, HelpName = "conclave.yaml" };
        var command = new Command("init", "Write a conclave.yaml that runs as it is, with a comment on every key. Never overwrites one.") { file };
        command.SetAction(result =>
        {
            var path = Path.GetFullPath(Path.Combine(context.Terminal.WorkingDirectory, result.GetValue(file)!));
            try
            {
                using var created = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                using var writer = new StreamWriter(created);
                writer.Write(ClusterFileTemplate.Text(ClusterFile.NameOf(Path.GetDirectoryName(path)!)));
            }
            catch (IOException e) when (File.Exists(path))
            {
                throw new ConclaveException($"{path} is there already; edit it, or name another with -f", ExitCode.Failed, e);
            }

            context.Line($"wrote {path}");
            context.Line("next: edit it, then 'conclave up --dry-run' and 'conclave up'");
            return ExitCode.Ok;
        });
        return command;
    }
}
