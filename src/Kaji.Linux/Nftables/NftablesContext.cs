using System.Runtime.InteropServices;

namespace Kaji.Linux.Nftables;

/// <summary>
/// libnftables in this process: a script runs as one atomic transaction in the network namespace of the thread that made the context. One lock: the library
/// is not safe for threads. A transaction costs about 4 ms where the <c>nft</c> command costs 10-24.
/// </summary>
public sealed partial class NftablesContext : IDisposable
{
    private const string Library = "libnftables.so.1";
    private static readonly Lock Gate = new();
    private nint _context;

    public NftablesContext()
    {
        try
        {
            lock (Gate)
            {
                _context = New(0);
                if (_context == 0)
                {
                    throw new NftablesException("libnftables could not be started");
                }

                BufferOutput(_context);
                BufferError(_context);
            }
        }
        catch (DllNotFoundException e)
        {
            throw new NftablesException($"{Library} is not installed: install nftables (apt-get install nftables)", e);
        }
    }

    /// <summary>Runs a script of nft(8) commands, all or nothing; returns what it prints. Refusals are <see cref="NftablesException"/> with the library's words.</summary>
    public string Run(string script)
    {
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_context == 0, this);
            var result = RunBuffer(_context, script);
            var output = Marshal.PtrToStringUTF8(GetOutput(_context)) ?? "";
            var error = Marshal.PtrToStringUTF8(GetError(_context)) ?? "";
            return result == 0 ? output : throw new NftablesException($"nftables refused: {error.Trim()}");
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (_context != 0)
            {
                Free(_context);
                _context = 0;
            }
        }
    }

    [LibraryImport(Library, EntryPoint = "nft_ctx_new")]
    private static partial nint New(uint flags);

    [LibraryImport(Library, EntryPoint = "nft_ctx_free")]
    private static partial void Free(nint context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_buffer_output")]
    private static partial int BufferOutput(nint context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_buffer_error")]
    private static partial int BufferError(nint context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_get_output_buffer")]
    private static partial nint GetOutput(nint context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_get_error_buffer")]
    private static partial nint GetError(nint context);

    [LibraryImport(Library, EntryPoint = "nft_run_cmd_from_buffer", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RunBuffer(nint context, string script);
}
