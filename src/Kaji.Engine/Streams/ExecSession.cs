using System.Globalization;
using Kaji.Engine.Runtime;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Processes;

namespace Kaji.Engine.Streams;

/// <summary>
/// <c>crun exec</c> over pipes. <see cref="Exit"/> is the command's code; when crun could not start it, it fails with an <see cref="EngineException"/>.
/// Disposing closes our ends and leaves the command to itself.
/// </summary>
internal sealed class ExecSession : IStreamSession
{
    private readonly ChildProcess _process;
    private readonly ExecFiles _files;

    private ExecSession(ChildProcess process, ExecFiles files, Stream? stdin, Stream stdout, Stream? stderr)
    {
        (_process, _files, Stdin, Stdout, Stderr) = (process, files, stdin, stdout, stderr);
        Exit = files.ExitAsync(process);
    }

    public Stream? Stdin { get; }

    public Stream Stdout { get; }

    public Stream? Stderr { get; }

    public Task<int> Exit { get; }

    public static ExecSession Start(Tools tools, string directory, string containerId, IReadOnlyList<string> command, bool stdin, bool mergeErrors)
    {
        var files = new ExecFiles(directory);
        var (outRead, outWrite) = Descriptor.Pipe();
        var (errRead, errWrite) = mergeErrors ? (null, null) : ((Descriptor?, Descriptor?))Descriptor.Pipe();
        var (inRead, inWrite) = stdin ? ((Descriptor?, Descriptor?))Descriptor.Pipe() : (null, null);
        using (outWrite)
        using (errWrite)
        using (inRead)
        {
            var process = inRead is null
                ? tools.StartExec(containerId, files, command, (outWrite, 1), (errWrite ?? outWrite, 2))
                : tools.StartExec(containerId, files, command, (inRead, 0), (outWrite, 1), (errWrite ?? outWrite, 2));
            return new ExecSession(
                process, files,
                inWrite is null ? null : new DescriptorStream(tools.Loop, inWrite, write: true),
                new DescriptorStream(tools.Loop, outRead, write: false),
                errRead is null ? null : new DescriptorStream(tools.Loop, errRead, write: false));
        }
    }

    public Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default) => Task.CompletedTask;

    /// <summary>Kills the command and waits for its end.</summary>
    public async Task KillAsync()
    {
        _files.KillCommand();
        _process.Signal(Signals.Kill);
        await _process.Exit.ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Stdin?.Dispose();
        Stdout.Dispose();
        Stderr?.Dispose();
        _process.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>The files of one exec: the command's process id, and crun's own complaints apart from the command's output.</summary>
internal sealed class ExecFiles(string directory)
{
    private readonly string _name = Path.Combine(directory, Guid.NewGuid().ToString("n")[..12]);

    public string PidFile => _name + ".pid";

    public string LogFile => _name + ".log";

    public string SocketFile => _name + ".sock";

    /// <summary>The OCI process of an exec with a terminal.</summary>
    public string ProcessFile => _name + ".json";

    public async Task<int> ExitAsync(ChildProcess process)
    {
        var code = await process.Exit.ConfigureAwait(false);
        var log = FileSystem.Status(LogFile) is { Size: > 0 } ? await File.ReadAllTextAsync(LogFile).ConfigureAwait(false) : "";
        File.Delete(PidFile);
        File.Delete(LogFile);
        File.Delete(ProcessFile);
        return code != 0 && log.Length > 0 ? throw Tools.Failure(log) : code;
    }

    public void KillCommand()
    {
        if (File.Exists(PidFile) && int.TryParse(File.ReadAllText(PidFile), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
        {
            using var command = PidFd.TryOpen(pid);
            command?.Signal(Signals.Kill);
        }
    }
}
