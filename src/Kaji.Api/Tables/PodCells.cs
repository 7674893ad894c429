using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tables;

/// <summary>A Pod's row: the STATUS column tells the most telling thing of its containers (printers/internalversion's printPod).</summary>
internal static class PodCells
{
    private const string None = "<none>";

    public static IReadOnlyList<JsonNode?> Of(JsonObject pod, DateTimeOffset now)
    {
        var (spec, status) = (pod.Obj("spec"), pod.Obj("status"));
        var reason = status.Str("reason") is { Length: > 0 } r ? r : status.Str("phase");
        var restarts = 0L;
        DateTimeOffset? lastRestart = null;
        var ready = 0;
        var sidecars = spec.Items("initContainers").Where(c => c.Str("restartPolicy") == "Always").Select(c => c.Str("name")).ToHashSet(StringComparer.Ordinal);
        var total = spec.Items("containers").Count() + sidecars.Count;
        if (status.Items("conditions").Any(c => c.Str("type") == "PodScheduled" && c.Str("reason") == "SchedulingGated"))
        {
            reason = "SchedulingGated";
        }

        var initializing = false;
        var inits = status.Items("initContainerStatuses").ToArray();
        for (var i = 0; i < inits.Length; i++)
        {
            var s = inits[i];
            restarts += s.Int("restartCount") ?? 0;
            lastRestart = Later(lastRestart, s);
            var terminated = s.Obj("state").Obj("terminated");
            if (terminated.Int("exitCode") == 0)
            {
                continue;
            }

            if (sidecars.Contains(s.Str("name")) && s.Bool("started") == true)
            {
                ready += s.Bool("ready") == true ? 1 : 0;
                continue;
            }

            reason = terminated is not null
                ? "Init:" + (terminated.Str("reason") is { Length: > 0 } why ? why : terminated.Int("signal") is > 0 and { } signal ? $"Signal:{signal}" : $"ExitCode:{terminated.Int("exitCode")}")
                : s.Obj("state").Obj("waiting").Str("reason") is { Length: > 0 } waits and not "PodInitializing" ? "Init:" + waits : $"Init:{i}/{spec.Items("initContainers").Count()}";
            initializing = true;
            break;
        }

        if (!initializing)
        {
            var running = false;
            foreach (var s in status.Items("containerStatuses").Reverse())
            {
                restarts += s.Int("restartCount") ?? 0;
                lastRestart = Later(lastRestart, s);
                var state = s.Obj("state");
                if (state.Obj("waiting").Str("reason") is { Length: > 0 } waits)
                {
                    reason = waits;
                }
                else if (state.Obj("terminated") is { } terminated)
                {
                    reason = terminated.Str("reason") is { Length: > 0 } why ? why : terminated.Int("signal") is > 0 and { } signal ? $"Signal:{signal}" : $"ExitCode:{terminated.Int("exitCode")}";
                }
                else if (s.Bool("ready") == true && state.Obj("running") is not null)
                {
                    running = true;
                    ready++;
                }
            }

            if (reason == "Completed" && running)
            {
                reason = status.Items("conditions").Any(c => c.Str("type") == "Ready" && c.Str("status") == "True") ? "Running" : "NotReady";
            }
        }

        if (pod.Obj("metadata")?["deletionTimestamp"] is not null)
        {
            reason = status.Str("reason") == "NodeLost" ? "Unknown" : status.Str("phase") is "Failed" or "Succeeded" ? reason : "Terminating";
        }

        var restartText = restarts > 0 && lastRestart is { } at ? $"{restarts} ({Timestamps.HumanDuration(now - at)} ago)" : $"{restarts}";
        var gates = spec.Items("readinessGates").ToArray();
        var passed = gates.Count(g => status.Items("conditions").Any(c => c.Str("type") == g.Str("conditionType") && c.Str("status") == "True"));
        return
        [
            Cells.Name(pod), $"{ready}/{total}", reason, restartText, Cells.Age(pod, now),
            status.Str("podIP") is { Length: > 0 } ip ? ip : None, spec.Str("nodeName") is { Length: > 0 } node ? node : None,
            status.Str("nominatedNodeName") is { Length: > 0 } nominated ? nominated : None, gates.Length > 0 ? $"{passed}/{gates.Length}" : None,
        ];
    }

    private static DateTimeOffset? Later(DateTimeOffset? last, JsonObject containerStatus) =>
        Timestamps.TryParse(containerStatus.Obj("lastState").Obj("terminated").Str("finishedAt"), out var finished) && (last is null || finished > last) ? finished : last;
}
