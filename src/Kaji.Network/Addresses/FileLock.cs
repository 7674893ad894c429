namespace Kaji.Network.Addresses;

/// <summary>One process at a time through a file; waits for the other. .NET holds flock(2) on an exclusively opened file, so a killed holder frees it.</summary>
internal static class FileLock
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static FileStream Take(string path)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        var wait = new SpinWait();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(deadline) < Patience)
            {
                wait.SpinOnce();
            }
        }
    }
}
