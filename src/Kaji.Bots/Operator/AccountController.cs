using System.Collections.Concurrent;
using System.Globalization;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>
/// Keeps an Account as long as it is claimed, drops claims of bots that are no more, says whether it is halted, and halts it when its bots together have more open orders
/// than it allows or have lost more in a day.
/// </summary>
public sealed class AccountController : Controller
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WriteDayEvery = TimeSpan.FromSeconds(15);
    private readonly IApiClient _client;
    private readonly BotInformers _informers;
    private readonly FigureBook _figures;
    private readonly HaltBook _halts;
    private readonly EventRecorder _events;

    /// <summary>What was taken in since the status was last written, and when that was.</summary>
    private readonly ConcurrentDictionary<(string Namespace, string Name), (AccountDay Day, long WrittenAt)> _days = new();

    public AccountController(IApiClient client, BotInformers informers, FigureBook figures, HaltBook halts, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : base("account-controller", time, logging.CreateLogger<AccountController>())
    {
        (_client, _informers, _figures, _halts, _events) = (client, informers, figures, halts, events);
        informers.Accounts.Subscribe(c => Enqueue(c.Object.Metadata.NamespaceProperty, c.Object.Metadata.Name));
        informers.Bots.Subscribe(c =>
        {
            if (c.New is null && BotPodMaker.AccountOf(c.Object, c.Object.Spec) is { } name)
            {
                Enqueue(name.Split('/')[0], name.Split('/')[1]);
            }
        });
        halts.Changed += () =>
        {
            foreach (var account in informers.Accounts.List())
            {
                Enqueue(account.Metadata.NamespaceProperty, account.Metadata.Name);
            }
        };
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_informers.Accounts.Get(ns, objectName) is not { } account)
        {
            return;
        }

        var claims = (account.Status?.Claims ?? []).Where(c => _informers.Bots.Get(c.Bot.Split('/')[0], c.Bot.Split('/')[1]) is not null).ToArray();
        var finalized = account.Metadata.Finalizers?.Contains(BotNames.Finalizer) == true;
        if (account.Metadata.DeletionTimestamp is null != finalized && (account.Metadata.DeletionTimestamp is null || claims.Length == 0))
        {
            var copy = ModelJson.Clone(account);
            copy.Metadata.Finalizers = finalized ? [.. copy.Metadata.Finalizers.Where(f => f != BotNames.Finalizer)] : [.. copy.Metadata.Finalizers ?? [], BotNames.Finalizer];
            await _client.UpdateAsync(BotKinds.Account, copy, cancellationToken: cancellationToken);
            return;
        }

        var key = $"{ns}/{objectName}";
        var halt = _halts.Find(ns, "", key, null);
        var bots = claims.Select(c => c.Bot).Distinct(StringComparer.Ordinal).Select(b => _informers.Bots.Get(b.Split('/')[0], b.Split('/')[1])).OfType<Bot>().ToArray();
        var (day, dayIsDue) = DayOf(account, bots);
        if (halt is null && Exceeded(account, bots, day) is { } why)
        {
            await _client.CreateAsync(BotKinds.Halt, new Halt { Metadata = new V1ObjectMeta { GenerateName = "limit-" }, Spec = new HaltSpec { Account = key, By = "bot-operator", Why = why } }, cancellationToken);
            _events.Record(BotKinds.Account, account, "Warning", "Halted", why);
        }

        var condition = account.Metadata.DeletionTimestamp is not null ? ("False", "Deleting", $"it goes when nobody claims it any more: {string.Join(", ", claims.Select(c => c.Bot).Distinct(StringComparer.Ordinal))}")
            : halt is not null ? ("False", "Halted", $"halt {halt.Name}: {halt.Why}")
            : ("True", "Usable", "bots may claim it");
        var status = new AccountStatus
        {
            Claims = claims, Halted = halt is not null, HaltedWhy = halt?.Why, Today = dayIsDue ? day : account.Status?.Today, Conditions = Conditions.With(account.Status?.Conditions, "Ready", condition.Item1, condition.Item2, condition.Item3, Time.GetUtcNow()),
        };
        if (!ModelJson.Serialize(account with { Status = status }).AsSpan().SequenceEqual(ModelJson.Serialize(account)))
        {
            await _client.UpdateAsync(BotKinds.Account, account with { Status = status }, "status", cancellationToken);
        }

        if (account.Spec.Limits is { DailyLoss: not null } or { OpenOrders: not null } && claims.Length > 0)
        {
            EnqueueAfter(ns, objectName, LookEvery);
        }
    }

    private string? Exceeded(Account account, IReadOnlyList<Bot> bots, AccountDay? day)
    {
        if (account.Spec.Limits?.OpenOrders is { } most && Figures(bots, m => m.OpenOrders).Sum(f => f.Value) is var open && open > most)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{open:0} orders are open, the account's limit is {most}");
        }

        return GuardRule.Number(account.Spec.Limits?.DailyLoss) is { } loss && DayBook.ResultOf(day) is var result && result < -loss
            ? string.Create(CultureInfo.InvariantCulture, $"{-result:0.##} lost since midnight UTC, the account's limit is {loss}: raise it, or wait for midnight")
            : null;
    }

    /// <summary>The account's day as far as it is known here, and whether it should be written down now.</summary>
    private (AccountDay? Day, bool IsDue) DayOf(Account account, IReadOnlyList<Bot> bots)
    {
        var key = (account.Metadata.NamespaceProperty, account.Metadata.Name);
        if (account.Spec.Limits?.DailyLoss is null)
        {
            _days.TryRemove(key, out _);
            return (null, true);
        }

        var fresh = !_days.TryGetValue(key, out var known);
        var day = DayBook.Take(fresh ? account.Status?.Today : known.Day, DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime), Figures(bots, m => m.Pnl).Select(f => ($"{f.Bot.Metadata.NamespaceProperty}/{f.Bot.Metadata.Name}", f.Epoch, f.Value)));
        var due = fresh || Time.GetElapsedTime(known.WrittenAt) >= WriteDayEvery;
        _days[key] = (day, due ? Time.GetTimestamp() : known.WrittenAt);
        return (day, due);
    }

    private IEnumerable<(Bot Bot, long Epoch, double Value)> Figures(IReadOnlyList<Bot> bots, Func<BotMetrics, string?> metric) =>
        from bot in bots
        let name = bot.Spec.Metrics is { } m ? metric(m) : null
        where name is not null
        let figure = _figures.Latest(bot.Metadata.NamespaceProperty, bot.Metadata.Name, name)
        where figure is not null
        select (bot, figure.Value.Epoch, figure.Value.Value);
}
