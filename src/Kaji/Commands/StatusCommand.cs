using System.CommandLine;
using System.Globalization;
using k8s.Models;
using Kaji.Client;
using Kaji.Cluster;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji status</c>: whether the cluster is up, and what it holds, on one screen.</summary>
internal static class StatusCommand
{
    public static Command Build()
    {
        var command = new Command("status", "Show whether the cluster is up and what runs on it.");
        command.SetAction((parsed, cancel) => RunAsync(parsed.Paths(), cancel));
        return command;
    }

    private static async Task<int> RunAsync(ClusterPaths paths, CancellationToken cancel)
    {
        Preconditions.Root("kaji status");
        if (ServerProcess.Find(paths) is not { } pid)
        {
            Console.WriteLine(File.Exists(paths.Settings) ? "Kaji is not running. Start it with: kaji up" : $"There is no cluster in {paths.Data}. Make one with: kaji up");
            return ExitCodes.Failed;
        }

        using var api = ClusterConnection.Open(paths);
        Row("server", $"process {pid}, {ResidentMegabytes(pid)} MB resident, {api.Server}");
        using (var ready = await api.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/readyz"), cancel))
        {
            Row("api", ready.IsSuccessStatusCode ? "ready" : $"not ready: {await ready.Content.ReadAsStringAsync(cancel)}");
        }

        foreach (var node in (await api.Client.ListAsync(Client.Kinds.Node, null, cancellationToken: cancel)).Items)
        {
            var condition = node.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready");
            Row($"node {node.Metadata.Name}", condition?.Status == "True" ? "Ready" : $"not Ready: {condition?.Message ?? "no status yet"}");
        }

        var pods = (await api.Client.ListAsync(Client.Kinds.Pod, null, cancellationToken: cancel)).Items;
        Row("pods", pods.Count == 0 ? "none" : string.Join(", ", pods.GroupBy(Phase, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Count()} {g.Key}")));
        foreach (var pod in pods.Where(p => Phase(p) != "ready" && Phase(p) != "Succeeded"))
        {
            var waiting = pod.Status?.ContainerStatuses?.FirstOrDefault(s => s.State?.Waiting is not null)?.State.Waiting;
            Row($"  {pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}", waiting is null ? Phase(pod) : $"{waiting.Reason}: {waiting.Message}");
        }

        Row("data", paths.Data);
        return ExitCodes.Ok;
    }

    private static string Phase(V1Pod pod) =>
        pod.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true ? "ready" : pod.Status?.Phase ?? "Pending";

    private static void Row(string what, string value) => Console.WriteLine($"{what,-24} {value}");

    private static string ResidentMegabytes(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        var kib = long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        return (kib * 1024 / 1e6).ToString("0", CultureInfo.InvariantCulture);
    }
}
