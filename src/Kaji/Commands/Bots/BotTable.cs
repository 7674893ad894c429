using System.Globalization;
using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Spectre.Console;

namespace Kaji.Commands.Bots;

/// <summary>Every bot on a line, as <c>kaji bots</c> and <c>kaji demo</c> show them.</summary>
internal static class BotTable
{
    /// <summary>All bots, with what their wardens last said.</summary>
    public static async Task<IReadOnlyList<BotRow>> ReadAsync(IApiClient client, string? ns, CancellationToken cancel)
    {
        var bots = (await client.ListAsync(BotKinds.Bot, ns, cancellationToken: cancel)).Items;
        var leases = (await client.ListAsync(Client.Kinds.Lease, ns, new ListOptions { LabelSelector = BotNames.BotLabel }, cancel)).Items.ToDictionary(l => (l.Metadata.NamespaceProperty, l.Metadata.Name));
        return [.. bots.OrderBy(b => b.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(b => b.Metadata.Name, StringComparer.Ordinal)
            .Select(b => new BotRow(b, ReportOf(leases.GetValueOrDefault((b.Metadata.NamespaceProperty, BotNames.LeaseOf(b.Metadata.Name))))))];
    }

    /// <summary>What the bot's warden last said; null when nothing.</summary>
    public static BotReport? ReportOf(V1Lease? lease) =>
        lease?.Metadata.Annotations?.TryGetValue(BotNames.ReportAnnotation, out var text) == true ? JsonSerializer.Deserialize(text, BotJson.Default.BotReport) : null;

    public static Table Render(IReadOnlyList<BotRow> rows)
    {
        var table = new Table().Border(TableBorder.None);
        foreach (var column in (ReadOnlySpan<string>)["BOT", "MARKET", "PHASE", "EPOCH", "UPTIME", "FRESH", "PNL", "TRADES", "RESTARTS", "LAST STOP"])
        {
            table.AddColumn(new TableColumn(column).NoWrap());
        }

        foreach (var row in rows)
        {
            table.AddRow([.. row.Cells().Select(Markup.Escape)]);
        }

        return table;
    }

    /// <summary>How many are in which phase.</summary>
    public static string Summary(IReadOnlyList<BotRow> rows) => rows.Count == 0 ? "There are no bots." : string.Join(", ", rows.GroupBy(r => r.Bot.Status?.Phase ?? "Unknown", StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Count()} {g.Key}"));

    /// <summary>Since a time, as <c>3d4h</c>, <c>5m12s</c>.</summary>
    public static string Since(DateTime at)
    {
        var age = TimeProvider.System.GetUtcNow().UtcDateTime - at;
        return age < TimeSpan.Zero ? "0s" : age.TotalDays >= 1 ? $"{(int)age.TotalDays}d{age.Hours}h" : age.TotalHours >= 1 ? $"{(int)age.TotalHours}h{age.Minutes}m" : age.TotalMinutes >= 1 ? $"{(int)age.TotalMinutes}m{age.Seconds}s" : $"{(int)age.TotalSeconds}s";
    }
}

/// <summary>A bot and what its warden last said.</summary>
internal sealed record BotRow(Bot Bot, BotReport? Report)
{
    /// <summary>Whether it does its part: a bot that reports trades has had one.</summary>
    public bool Trades => Bot.Status?.Phase == BotPhase.Active && (Bot.Spec.Metrics?.Trades is not { } metric || Report?.Metrics?.TryGetValue(metric, out var count) == true && count > 0);

    public IEnumerable<string> Cells()
    {
        var status = Bot.Status ?? new BotStatus();
        var acting = Report is { State: BotReport.Acting };
        string Figure(string? metric, string format) => metric is not null && Report?.Metrics?.TryGetValue(metric, out var value) == true ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
        return
        [
            $"{Bot.Metadata.NamespaceProperty}/{Bot.Metadata.Name}",
            Bot.Spec.Activation?.Mode == BotSpec.Shared ? $"shared, {status.ReadyReplicas ?? 0}/{status.Replicas ?? 0}" : string.Join(',', Bot.Spec.Markets ?? []),
            status.Phase ?? "-",
            status.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "-",
            acting && Report!.ActingSince is { } since ? BotTable.Since(since) : "-",
            acting && Report!.Age is { } age ? (age > 86400 ? "never" : $"{age.ToString("0.0", CultureInfo.InvariantCulture)}s") : "-",
            Figure(Bot.Spec.Metrics?.Pnl, "0.00"),
            Figure(Bot.Spec.Metrics?.Trades, "0"),
            (status.Restarts ?? 0).ToString(CultureInfo.InvariantCulture),
            status.LastStop is { } stop ? $"{stop.Outcome}, {(stop.At is { } at ? BotTable.Since(at) + " ago" : "")}{(stop.Fault is { } fault ? ": " + (fault.Length > 40 ? fault[..40] + "…" : fault) : "")}" : "-",
        ];
    }
}
