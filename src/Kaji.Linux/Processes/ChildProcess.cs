using Kaji.Linux.Calls;
using Kaji.Linux.Events;
using Kaji.Linux.Mounts;

namespace Kaji.Linux.Processes;

/// <summary>
/// A child started by posix_spawn with exactly the descriptors it is given (everything else of ours is close-on-exec), default signals and no signal mask.
/// Unlike System.Diagnostics.Process it can hand over any descriptor, and costs no threads.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    private readonly PidFd _handle;

    private ChildProcess(PidFd handle, Task<int> exit)
    {
        _handle = handle;
        Exit = exit;
    }

    public int Pid => _handle.Pid;

    /// <summary>The exit code, or 128 + signal. The child is collected even when nobody awaits it.</summary>
    public Task<int> Exit { get; }

    public bool Signal(int signal) => !Exit.IsCompleted && _handle.Signal(signal);

    /// <summary>Starts <c>argv[0]</c> (a path). <paramref name="descriptors"/>: ours → the child's number; 0-2 that are not given are /dev/null.</summary>
    public static unsafe ChildProcess Start(
        EventLoop loop, IReadOnlyList<string> argv, IReadOnlyList<KeyValuePair<string, string>> environment, params ReadOnlySpan<(Descriptor Ours, int Theirs)> descriptors)
    {
        const short SetSignalDefault = 4, SetSignalMask = 8;
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var none = stackalloc byte[128];
        var all = stackalloc byte[128];
        new Span<byte>(none, 128).Clear();
        new Span<byte>(all, 128).Fill(0xff);
        using var nothing = Descriptor.Open("/dev/null", 2);
        using var arguments = new NativeStrings(argv);
        using var variables = new NativeStrings([.. environment.Select(e => $"{e.Key}={e.Value}")]);
        LibC.SpawnActionsInit(actions);
        LibC.SpawnAttributesInit(attributes);
        try
        {
            LibC.SpawnAttributesSetFlags(attributes, SetSignalDefault | SetSignalMask);
            LibC.SpawnAttributesSetSignalDefault(attributes, all);
            LibC.SpawnAttributesSetSignalMask(attributes, none);
            // Ours are numbered above what children are given (the runtime holds the low numbers): no dup2 overwrites a source.
            for (var target = 0; target < 3; target++)
            {
                LibC.SpawnActionsAddDup2(actions, nothing.Number, target);
            }

            foreach (var (ours, theirs) in descriptors)
            {
                LibC.SpawnActionsAddDup2(actions, ours.Number, theirs);
            }

            int pid;
            var error = LibC.Spawn(&pid, argv[0], actions, attributes, arguments.Pointer, variables.Pointer);
            if (error != 0)
            {
                throw new KernelException($"start {argv[0]}", error);
            }

            var handle = PidFd.TryOpen(pid) ?? throw new InvalidOperationException("A child that was not waited for has vanished.");
            return new ChildProcess(handle, WaitAsync(loop, handle));
        }
        finally
        {
            LibC.SpawnActionsDestroy(actions);
            LibC.SpawnAttributesDestroy(attributes);
        }
    }

    public void Dispose() => _ = Exit.ContinueWith((_, state) => ((PidFd)state!).Dispose(), _handle, TaskScheduler.Default);

    private static async Task<int> WaitAsync(EventLoop loop, PidFd handle)
    {
        await handle.WaitAsync(loop).ConfigureAwait(false);
        return handle.Reap();
    }
}
