using System.Net.Sockets;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Mounts;

namespace Kaji.Linux.Namespaces;

/// <summary>What to make: null paths stay the host's.</summary>
public sealed record NamespaceRequest
{
    public string? Net { get; init; }

    public string? Ipc { get; init; }

    public string? Uts { get; init; }

    public required string Hostname { get; init; }

    /// <summary>Names with dots (<c>net.ipv4.ip_unprivileged_port_start</c>), set inside.</summary>
    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>
/// Namespaces that live without a process: a thread makes them, binds its own <c>/proc/…/ns/X</c> onto files, and ends. They last until the files are
/// unmounted and the last process in them is gone.
/// </summary>
public static unsafe class PinnedNamespaces
{
    private const int NewUts = 0x04000000, NewIpc = 0x08000000, NewPid = 0x20000000, NewNet = 0x40000000;
    private const long NamespaceFileSystem = 0x6e736673;

    /// <summary>Makes and pins them; loopback is up. The files' directories must exist. Nothing stays pinned when it fails.</summary>
    public static Task CreateAsync(NamespaceRequest request) => NamespaceThread.RunAsync(() =>
    {
        (string Kind, string? Path, int Flag)[] kinds = [("net", request.Net, NewNet), ("ipc", request.Ipc, NewIpc), ("uts", request.Uts, NewUts)];
        var flags = kinds.Where(k => k.Path is not null).Aggregate(0, (all, k) => all | k.Flag);
        if (LibC.Unshare(flags) != 0)
        {
            throw KernelException.Last("unshare");
        }

        if (request.Uts is not null && LibC.SetHostName(request.Hostname, (nuint)request.Hostname.Length) != 0)
        {
            throw KernelException.Last("sethostname");
        }

        if (request.Net is not null)
        {
            LoopbackUp();
        }

        foreach (var (name, value) in request.Sysctls)
        {
            File.WriteAllText($"/proc/sys/{name.Replace('.', '/')}", value);
        }

        try
        {
            foreach (var (kind, path, _) in kinds)
            {
                if (path is not null)
                {
                    File.WriteAllBytes(path, []);
                    Mount.BindTo($"/proc/thread-self/ns/{kind}", path);
                }
            }
        }
        catch
        {
            foreach (var (_, path, _) in kinds)
            {
                Release(path);
            }

            throw;
        }

        return true;
    });

    /// <summary>Runs <paramref name="spawn"/>, whose child becomes process 1 of a new process namespace.</summary>
    public static Task<T> SpawnInNewProcessNamespaceAsync<T>(Func<T> spawn) => NamespaceThread.RunAsync(() =>
        LibC.Unshare(NewPid) == 0 ? spawn() : throw KernelException.Last("unshare"));

    /// <summary>The file has a namespace on it.</summary>
    public static bool IsPinned(string path) => File.Exists(path) && FileSystem.TypeOf(path) == NamespaceFileSystem;

    /// <summary>Unpins one and deletes its file; nothing when there is none.</summary>
    public static void Release(string? path)
    {
        if (path is not null && File.Exists(path))
        {
            while (Mount.Remove(path))
            {
            }

            File.Delete(path);
        }
    }

    /// <summary>A TCP socket that stays in the network namespace at <paramref name="path"/>, whoever uses it.</summary>
    public static Task<Socket> OpenSocketAsync(string path, AddressFamily family) =>
        NamespaceThread.InAsync(path, () => new Socket(family, SocketType.Stream, ProtocolType.Tcp));

    private static void LoopbackUp()
    {
        const ulong GetFlags = 0x8913, SetFlags = 0x8914;
        using var socket = new Descriptor(LibC.Socket(2, 2 | 0x80000, 0));
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, 16));
        if (LibC.Ioctl(socket.Number, GetFlags, request) != 0)
        {
            throw KernelException.Last("SIOCGIFFLAGS lo");
        }

        *(short*)(request + 16) |= 1;
        if (LibC.Ioctl(socket.Number, SetFlags, request) != 0)
        {
            throw KernelException.Last("SIOCSIFFLAGS lo");
        }
    }
}
