namespace Kaji.Network.Addresses;

/// <summary>Settings under /proc/sys, with slashes: <c>net/ipv4/ip_forward</c>.</summary>
internal static class Sysctl
{
    public static string PathOf(string name) => "/proc/sys/" + name;

    /// <summary>Writes unless it already is so: a machine that has it right may have /proc/sys read-only.</summary>
    public static void Write(string name, string value)
    {
        var path = PathOf(name);
        if (File.ReadAllText(path).Trim() == value)
        {
            return;
        }

        try
        {
            File.WriteAllText(path, value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The network needs {path} = {value}, which could not be set: {e.Message}", e);
        }
    }
}
