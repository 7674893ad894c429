using System.Text;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Engine.Streams;

/// <summary>Lines to conmon's control fifo: <c>1 ROWS COLUMNS</c> sets the terminal's size, <c>2 0 0</c> opens the log file anew.</summary>
internal static class ConmonControl
{
    private const int WriteOnlyNonBlocking = 0x1 | 0x800;

    public static async Task SendAsync(EventLoop loop, string bundle, string line, CancellationToken cancellationToken)
    {
        try
        {
            await using var fifo = new DescriptorStream(loop, Descriptor.Open($"{bundle}/ctl", WriteOnlyNonBlocking), write: true);
            await fifo.WriteAsync(Encoding.ASCII.GetBytes(line), cancellationToken).ConfigureAwait(false);
        }
        catch (KernelException e) when (e.Errno is Errno.ENXIO or Errno.ENOENT)
        {
            throw new EngineException(EngineFault.NotFound, "The container's monitor (conmon) is gone.", e);
        }
    }
}
