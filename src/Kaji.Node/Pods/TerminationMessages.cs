using System.Text;
using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>What a container left in its termination log, or at the end of its output. Bounded as in kubelet: 4096 bytes of the file, 2048 of the log.</summary>
internal static class TerminationMessages
{
    public const string PathLabel = "kaji.dev/termination-log";
    private const int MaxFile = 4096;
    private const int MaxLog = 2048;

    public static string? Read(ContainerInfo info, V1Container container)
    {
        if (info.Labels.TryGetValue(PathLabel, out var path) && File.Exists(path))
        {
            var text = Tail(path, MaxFile);
            if (text.Length > 0)
            {
                return text;
            }
        }

        if (container.TerminationMessagePolicy != "FallbackToLogsOnError" || info.ExitCode is 0 or null || !File.Exists(info.LogPath))
        {
            return null;
        }

        // A log line is `TIME STREAM F text`.
        var lines = Tail(info.LogPath, MaxLog * 2).Split('\n').Select(l => l.Split(' ', 4)).Where(w => w.Length == 4).Select(w => w[3]).TakeLast(80);
        var log = string.Join('\n', lines);
        return log.Length > MaxLog ? log[^MaxLog..] : log;
    }

    private static string Tail(string path, int most)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(Math.Max(0, file.Length - most), SeekOrigin.Begin);
        var buffer = new byte[most];
        var read = file.ReadAtLeast(buffer, most, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(buffer, 0, read);
    }
}
