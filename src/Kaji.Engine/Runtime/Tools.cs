using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kaji.Engine.Streams;
using Kaji.Linux.Events;
using Kaji.Linux.Processes;

namespace Kaji.Engine.Runtime;

/// <summary>Runs crun and conmon: argument lists, and what their answers mean.</summary>
internal sealed partial class Tools(CrunOptions options, RuntimePaths paths, EventLoop loop, TimeProvider time)
{
    private const int MaxOutput = 64 * 1024;
    private static readonly KeyValuePair<string, string>[] Environment =
        [new("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), new("XDG_RUNTIME_DIR", "/run"), new("HOME", "/root")];

    public EventLoop Loop => loop;

    /// <summary>Both are there and new enough.</summary>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        await CheckOneAsync(options.CrunPath, "crun", new Version(1, 8), cancellationToken).ConfigureAwait(false);
        await CheckOneAsync(options.ConmonPath, "conmon", new Version(2, 1), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>conmon, which creates the container by crun and stays with it. Returns the container's process.</summary>
    public async Task<int> CreateAsync(string id, string bundle, ContainerConfig config, CancellationToken cancellationToken)
    {
        List<string> argv =
        [
            options.ConmonPath, "--api-version", "1", "-c", id, "-u", id, "-n", config.Name, "-r", options.CrunPath, "-b", bundle, "-p", $"{bundle}/pid", "-P", paths.ConmonPidFile(id),
            "--exit-dir", paths.Exits, "--persist-dir", bundle, "--full-attach", "-l", $"k8s-file:{config.LogPath}", "--log-level", "error", "--no-sync-log",
            "--runtime-arg", $"--root={paths.CrunRoot}", "--runtime-arg", "--cgroup-manager=cgroupfs",
        ];
        if (config.Tty)
        {
            argv.Add("-t");
        }

        if (config.Stdin)
        {
            argv.Add("-i");
            if (!config.StdinOnce)
            {
                argv.Add("--leave-stdin-open");
            }
        }

        var complaints = $"{bundle}/conmon.log";
        File.WriteAllBytes(complaints, []);
        var (read, write) = Descriptor.Pipe();
        await using var answers = new DescriptorStream(loop, read, write: false);
        Task<int> exit;
        using (write)
        using (var stderr = Descriptor.Open(complaints, 0x401))
        using (var conmon = ChildProcess.Start(loop, argv, [.. Environment, new("_OCI_SYNCPIPE", "3")], (stderr, 2), (write, 3)))
        {
            exit = conmon.Exit;
        }

        var answer = await ReadAsync(answers, untilLine: true, cancellationToken).ConfigureAwait(false);
        await exit.WaitAsync(options.ToolTimeout, time, cancellationToken).ConfigureAwait(false);
        if (answer.Length == 0)
        {
            throw new EngineException(EngineFault.Unknown, $"conmon ended without an answer: {File.ReadAllText(complaints).Trim()}");
        }

        using var document = JsonDocument.Parse(answer);
        var pid = document.RootElement.GetProperty("data").GetInt32();
        return pid > 0 ? pid : throw Failure(Images.ImageConfig.Text(document.RootElement, "message") ?? File.ReadAllText(complaints));
    }

    public async Task StartAsync(string id, CancellationToken cancellationToken)
    {
        var (code, output) = await RunAsync([options.CrunPath, $"--root={paths.CrunRoot}", "start", id], cancellationToken).ConfigureAwait(false);
        if (code != 0)
        {
            throw Failure(output);
        }
    }

    public Task DeleteAsync(string id, CancellationToken cancellationToken) =>
        RunAsync([options.CrunPath, $"--root={paths.CrunRoot}", "--cgroup-manager=cgroupfs", "delete", "-f", id], cancellationToken);

    /// <summary>crun exec; the caller gives the descriptors.</summary>
    public ChildProcess StartExec(string id, ExecFiles files, IReadOnlyList<string> command, params ReadOnlySpan<(Descriptor Ours, int Theirs)> descriptors) =>
        ChildProcess.Start(loop, [.. ExecOf(files), id, .. command], Environment, descriptors);

    /// <summary><c>crun exec --tty</c> of the process in <see cref="ExecFiles.ProcessFile"/>.</summary>
    public ChildProcess StartTerminalExec(string id, ExecFiles files, string consoleSocket) =>
        ChildProcess.Start(loop, [.. ExecOf(files), "--tty", $"--console-socket={consoleSocket}", $"--process={files.ProcessFile}", id], Environment);

    private string[] ExecOf(ExecFiles files) =>
        [options.CrunPath, $"--root={paths.CrunRoot}", "--cgroup-manager=cgroupfs", $"--log={files.LogFile}", "exec", $"--pid-file={files.PidFile}"];

    /// <summary>What crun says, for people: its reason for not finding a command told apart.</summary>
    public static EngineException Failure(string message)
    {
        var text = message.Trim();
        var missing = NotFound().Match(text);
        return missing.Success
            ? new EngineException(EngineFault.CommandNotFound, $"exec: \"{missing.Groups[1].Value}\": executable file not found in $PATH")
            : NoSuchFile().Match(text) is { Success: true } file
                ? new EngineException(EngineFault.CommandNotFound, $"exec: \"{file.Groups[1].Value}\": no such file or directory, or not executable")
                : new EngineException(FileSystemFull(text) ? EngineFault.DiskFull : EngineFault.Unknown, text.Length > 0 ? text : "crun failed without telling why");
    }

    private static bool FileSystemFull(string text) => text.Contains("No space left on device", StringComparison.Ordinal);

    private async Task CheckOneAsync(string path, string name, Version least, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw new EngineException(EngineFault.Missing, $"{name} is not installed ({path}): run apt-get install -y {name}");
        }

        var (code, output) = await RunAsync([path, "--version"], cancellationToken).ConfigureAwait(false);
        var match = VersionNumber().Match(output);
        if (code != 0 || !match.Success || !Version.TryParse(match.Value, out var version) || version < least)
        {
            throw new EngineException(EngineFault.Missing, $"{name} {least} or newer is needed, {path} is {(match.Success ? match.Value : "of an unknown version")}: run apt-get install -y {name}");
        }
    }

    private async Task<(int Code, string Output)> RunAsync(IReadOnlyList<string> argv, CancellationToken cancellationToken)
    {
        var (read, write) = Descriptor.Pipe();
        await using var output = new DescriptorStream(loop, read, write: false);
        ChildProcess child;
        using (write)
        {
            child = ChildProcess.Start(loop, argv, Environment, (write, 1), (write, 2));
        }

        using (child)
        {
            try
            {
                var text = await ReadAsync(output, untilLine: false, cancellationToken).ConfigureAwait(false);
                return (await child.Exit.WaitAsync(options.ToolTimeout, time, cancellationToken).ConfigureAwait(false), text);
            }
            catch
            {
                child.Signal(Signals.Kill);
                throw;
            }
        }
    }

    private async Task<string> ReadAsync(DescriptorStream stream, bool untilLine, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(options.ToolTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var content = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer, linked.Token).ConfigureAwait(false) is var count && count > 0)
            {
                content.Write(buffer, 0, Math.Min(count, MaxOutput - (int)content.Length));
                if (untilLine && buffer[count - 1] == '\n')
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw new EngineException(EngineFault.Unknown, $"crun or conmon did not answer within {options.ToolTimeout.TotalSeconds:0} s");
        }

        return Encoding.UTF8.GetString(content.ToArray());
    }

    [GeneratedRegex(@"executable file `([^`]*)` not found in \$PATH")]
    private static partial Regex NotFound();

    [GeneratedRegex(@"(?:^|\n)(?:[^\n]*)(?:exec|open executable|stat) `?([^`:\n]+)`?: (?:No such file or directory|Permission denied|Is a directory)")]
    private static partial Regex NoSuchFile();

    [GeneratedRegex(@"[0-9]+\.[0-9]+(\.[0-9]+)?")]
    private static partial Regex VersionNumber();
}
