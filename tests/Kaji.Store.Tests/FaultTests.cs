using System.Diagnostics;
using Microsoft.Data.Sqlite;
using static Kaji.Store.Tests.StoreDirectory;

namespace Kaji.Store.Tests;

public sealed class FaultTests : IDisposable
{
    private readonly StoreDirectory _directory = new();

    private string Database => Path.Combine(_directory.Path, "state.db");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task SecondOpener_IsRefused()
    {
        await using var store = _directory.Open();
        Assert.Equal(StoreFault.InUse, Assert.Throws<StoreException>(() => _directory.Open()).Fault);
    }

    [Fact]
    public async Task NewerSchema_IsRefused_AndLeftAlone()
    {
        await using (var store = _directory.Open())
        {
            await store.WriteAsync(Create("/registry/core/pods/a", "1"));
        }

        using (var connection = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version=99";
            command.ExecuteNonQuery();
        }

        Assert.Equal(StoreFault.NewerVersion, Assert.Throws<StoreException>(() => _directory.Open()).Fault);
    }

    [Fact]
    public async Task DamagedFile_IsToldAndKept()
    {
        await using (var store = _directory.Open())
        {
            for (var i = 0; i < 200; i++)
            {
                await store.WriteAsync(Create($"/registry/core/pods/{i}", new string('x', 500)));
            }
        }

        await using (var file = new FileStream(Database, FileMode.Open))
        {
            file.Position = 8192;
            file.Write(Enumerable.Repeat((byte)0xAB, 40_000).ToArray());
        }

        var size = new FileInfo(Database).Length;
        Assert.Equal(StoreFault.Corrupt, Assert.Throws<StoreException>(() => _directory.Open()).Fault);
        Assert.Equal(size, new FileInfo(Database).Length);
    }

    [Fact]
    public async Task FullDisk_IsTold_ReadsGoOn_AndWritesAgainWhenThereIsRoom()
    {
        Run("mount", "-t", "tmpfs", "-o", "size=2m", "kaji-full", _directory.Path);
        try
        {
            var ballast = Path.Combine(_directory.Path, "ballast");
            await File.WriteAllBytesAsync(ballast, new byte[1_000_000]);
            await using var store = _directory.Open();
            var written = 0;
            StoreException? fault = null;
            while (fault is null && written < 1000)
            {
                try
                {
                    await store.WriteAsync(Create($"/registry/core/pods/{written}", new string('x', 20_000)));
                    written++;
                }
                catch (StoreException e)
                {
                    fault = e;
                }
            }

            Assert.Equal(StoreFault.Full, fault!.Fault);
            Assert.Null(store.Get($"/registry/core/pods/{written}"));
            Assert.Equal((written, written + 1L), (store.Range("/registry/core/pods/").Entries.Count, store.Revision));
            File.Delete(ballast);
            Assert.Equal(WriteOutcome.Committed, (await store.WriteAsync(Create("/registry/core/pods/again", "x"))).Outcome);
        }
        finally
        {
            Run("umount", _directory.Path);
        }
    }

    private static void Run(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
