using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kaji.Linux.Netlink;

namespace Kaji.Network.Tests;

/// <summary>
/// The whole test process runs in a network namespace of its own, so that it can be the "host": it starts, moves its first thread and executes itself again there.
/// The namespace and all in it vanish with the process.
/// </summary>
internal static partial class OwnNamespace
{
    private const string Marker = "KAJI_NETWORK_TESTS_INSIDE";
    private const int CloneNewNet = 0x40000000;

    [ModuleInitializer]
    internal static void Enter()
    {
        if (Environment.GetEnvironmentVariable(Marker) is null)
        {
            Check(Unshare(CloneNewNet), "unshare");
            var arguments = File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
            var environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(e => $"{e.Key}={e.Value}").Append(Marker + "=1").ToArray();
            Check(Execute("/proc/self/exe", [.. arguments, null], [.. environment, null]), "execve");
        }

        using var routes = new RouteClient();
        routes.SetUp(1);
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{call}: {Marshal.GetLastPInvokeErrorMessage()} (these tests need root)");
        }
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    internal static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, string?[] arguments, string?[] environment);

    [LibraryImport("libc", EntryPoint = "gettid")]
    internal static partial int ThreadId();
}
