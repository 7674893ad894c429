using System.Runtime.InteropServices;

namespace Kaji.Linux.Processes;

/// <summary>The machine's clock that nobody sets and that goes on while the machine is suspended: CLOCK_BOOTTIME (clock_gettime(2)).</summary>
public static partial class SuspendedClock
{
    private const int BootTime = 7;

    /// <summary>Time since the machine was started.</summary>
    public static unsafe TimeSpan Now
    {
        get
        {
            var time = stackalloc long[2];
            return ClockGetTime(BootTime, time) == 0
                ? TimeSpan.FromSeconds(time[0]) + TimeSpan.FromTicks(time[1] / 100)
                : throw Calls.KernelException.Last("clock_gettime");
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static unsafe partial int ClockGetTime(int clock, long* time);
}
