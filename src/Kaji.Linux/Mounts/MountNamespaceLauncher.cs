using System.Runtime.InteropServices;
using System.Text;
using Kaji.Linux.Calls;
using Kaji.Linux.Files;

namespace Kaji.Linux.Mounts;

/// <summary>
/// Where an engine's mounts live: a mount namespace pinned as a file in the run directory. The executable replaces itself by util-linux' <c>nsenter</c>, which
/// starts it again inside; a restarted engine so finds its mounts. Mounts made on the host later are seen inside (slave propagation), ours are not seen outside.
/// </summary>
public sealed class MountNamespaceLauncher(string runDirectory)
{
    private const string InsideVariable = "KAJI_MOUNT_NAMESPACE";
    private const long NamespaceFileSystem = 0x6e736673;

    /// <summary>The file the namespace is pinned to.</summary>
    public string PinPath => Path.Combine(runDirectory, "mnt");

    /// <summary>A namespace is pinned already (and holds what an earlier run mounted).</summary>
    public bool IsPinned => File.Exists(PinPath) && FileSystem.TypeOf(PinPath) == NamespaceFileSystem;

    /// <summary>This process runs in the pinned namespace.</summary>
    public bool IsInside => Environment.GetEnvironmentVariable(InsideVariable) == PinPath && !HybridCgroups.Detected;

    /// <summary>The arguments to execute: <paramref name="command"/> inside. Prepares the run directory; call it outside.</summary>
    public IReadOnlyList<string> Prepare(IReadOnlyList<string> command)
    {
        if (!IsPinned)
        {
            Pin();
        }

        // Entering a mount namespace moves to its root; go back to where we were.
        return ["/usr/bin/nsenter", $"--mount={PinPath}", $"--wdns={Environment.CurrentDirectory}", "--", .. command];
    }

    /// <summary>Replaces this process; only returns by throwing.</summary>
    public void Enter(IReadOnlyList<string> command)
    {
        var argv = Prepare(command);
        Environment.SetEnvironmentVariable(InsideVariable, PinPath);
        Execute(argv);
    }

    /// <summary>Unpins it; it ends with its last process. Call it outside: from inside only our own view of the pin would go.</summary>
    public void Release()
    {
        while (Mount.Remove(PinPath))
        {
        }

        File.Delete(PinPath);
        while (MountEntry.ReadAll().Any(m => m.Target == runDirectory) && Mount.Remove(runDirectory))
        {
        }
    }

    private void Pin()
    {
        Directory.CreateDirectory(runDirectory);
        // A namespace can only be pinned below a private mount.
        if (!MountEntry.ReadAll().Any(m => m.Target == runDirectory))
        {
            Mount.BindTo(runDirectory, runDirectory);
            Mount.MakePrivate(runDirectory);
        }

        File.WriteAllBytes(PinPath, []);
        // The kernel refuses (EINVAL) to pin a mount namespace whose number is below that of the one it is pinned in. Since 6.18 each processor numbers
        // from a range of its own, so a newer namespace may have a lower number: try on each processor; the one that made our namespace will do.
        const int ConfiguredProcessors = 83;
        var processors = (int)LibC.SystemConfiguration(ConfiguredProcessors);
        for (var processor = 0; ; processor++)
        {
            try
            {
                PinOn(processor);
                return;
            }
            catch (KernelException e) when (e.Errno == Errno.EINVAL && processor + 1 < processors)
            {
            }
        }
    }

    /// <summary>One thread makes the namespace, this one pins it from outside; then the other ends.</summary>
    private void PinOn(int processor)
    {
        using var pinned = new ManualResetEventSlim();
        var made = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                made.SetResult(Make(processor));
                pinned.Wait();
            }
            catch (Exception e)
            {
                made.SetException(e);
            }
        }) { IsBackground = true, Name = "kaji-mounts" };
        thread.Start();
        try
        {
            Mount.BindTo($"/proc/self/task/{made.Task.GetAwaiter().GetResult()}/ns/mnt", PinPath);
        }
        finally
        {
            pinned.Set();
            thread.Join();
        }
    }

    private static unsafe int Make(int processor)
    {
        const int NewMounts = 0x00020000;
        var mask = stackalloc byte[128];
        new Span<byte>(mask, 128).Clear();
        mask[processor / 8] = (byte)(1 << (processor % 8));
        // May be refused where the process is confined to other processors: then any will do.
        _ = LibC.SetAffinity(0, 128, mask);
        if (LibC.Unshare(NewMounts) != 0)
        {
            throw KernelException.Last("unshare mounts");
        }

        Mount.MakeAllSlaves();
        if (HybridCgroups.Detected)
        {
            Mount.Remove(HybridCgroups.UnifiedPath);
        }

        return LibC.ThreadId();
    }

    private static unsafe void Execute(IReadOnlyList<string> argv)
    {
        using var arguments = new NativeStrings(argv);
        using var environment = NativeStrings.OfEnvironment();
        LibC.Execute(argv[0], arguments.Pointer, environment.Pointer);
        throw KernelException.Last($"execve {argv[0]}");
    }
}

/// <summary>A NULL-terminated array of C strings.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    public NativeStrings(IReadOnlyList<string> strings)
    {
        _count = strings.Count;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)((_count + 1) * sizeof(nint)));
        for (var i = 0; i < _count; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(strings[i]);
            Pointer[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(Pointer[i], bytes.Length));
        }
    }

    public byte** Pointer { get; }

    public static NativeStrings OfEnvironment()
    {
        var list = new List<string>();
        foreach (System.Collections.DictionaryEntry pair in Environment.GetEnvironmentVariables())
        {
            list.Add($"{pair.Key}={pair.Value}");
        }

        return new NativeStrings(list);
    }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
        {
            NativeMemory.Free(Pointer[i]);
        }

        NativeMemory.Free(Pointer);
    }
}
