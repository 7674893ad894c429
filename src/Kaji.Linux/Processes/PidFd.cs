using System.Runtime.InteropServices;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Linux.Processes;

/// <summary>A handle on one process, safe against reuse of its number. Readable when the process has ended.</summary>
public sealed class PidFd : IDisposable
{
    private const int OpenCall = 434, SendSignalCall = 424;
    private readonly Descriptor _descriptor;

    private PidFd(int pid, Descriptor descriptor)
    {
        Pid = pid;
        _descriptor = descriptor;
    }

    public int Pid { get; }

    /// <summary>Null when there is no such process.</summary>
    public static PidFd? TryOpen(int pid)
    {
        var fd = (int)LibC.SystemCall(OpenCall, pid, 0, 0, 0);
        if (fd >= 0)
        {
            return new PidFd(pid, new Descriptor(fd));
        }

        var error = KernelException.Last($"pidfd_open {pid}");
        return error.Errno is Errno.ESRCH or Errno.EINVAL ? null : throw error;
    }

    /// <summary>False when it has ended.</summary>
    public bool Signal(int signal)
    {
        if (LibC.SystemCall(SendSignalCall, _descriptor.Number, signal, 0, 0) == 0)
        {
            return true;
        }

        var error = KernelException.Last($"pidfd_send_signal {Pid}");
        return error.Errno == Errno.ESRCH ? false : throw error;
    }

    /// <summary>Completes when the process has ended.</summary>
    public Task WaitAsync(EventLoop loop, CancellationToken cancellationToken = default) => loop.WaitAsync(_descriptor, EventLoop.Readable, cancellationToken);

    /// <summary>Collects an ended child: exit code, or 128 + signal.</summary>
    internal unsafe int Reap()
    {
        const int PidFdType = 3, Exited = 4, ChildExited = 1;
        var information = stackalloc int[32];
        while (LibC.WaitId(PidFdType, _descriptor.Number, information, Exited) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR)
            {
                throw new KernelException($"waitid {Pid}", errno);
            }
        }

        // siginfo_t: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status.
        return information[2] == ChildExited ? information[6] : 128 + information[6];
    }

    public void Dispose() => _descriptor.Dispose();
}
