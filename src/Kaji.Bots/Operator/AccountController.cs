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
    private readonly IApiClient _client;
    private readonly BotInformers _informers;
    private readonly FigureBook _figures;
    private readonly HaltBook _halts;
    private readonly EventRecorder _events;
    private readonly Dictionary<(string Namespace, string Name), DayLoss> _losses = [];

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
        if (halt is null && Exceeded(account, claims) is { } why)
        {
            await _client.CreateAsync(BotKinds.Halt, new Halt { Metadata = new V1ObjectMeta { GenerateName = "limit-" }, Spec = new HaltSpec { Account = key, By = "bot-operator", Why = why } }, cancellationToken);
            _events.Record(BotKinds.Account, account, "Warning", "Halted", why);
        }

        var condition = account.Metadata.DeletionTimestamp is not null ? ("False", "Deleting", $"it goes when nobody claims it any more: {string.Join(", ", claims.Select(c => c.Bot).Distinct(StringComparer.Ordinal))}")
            : halt is not null ? ("False", "Halted", $"halt {halt.Name}: {halt.Why}")
            : ("True", "Usable", "bots may claim it");
        var status = new AccountStatus
        {
            Claims = claims, Halted = halt is not null, HaltedWhy = halt?.Why, Conditions = Conditions.With(account.Status?.Conditions, "Ready", condition.Item1, condition.Item2, condition.Item3, Time.GetUtcNow()),
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

    private string? Exceeded(Account account, IReadOnlyList<AccountClaim> claims)
    {
        var bots = claims.Select(c => c.Bot).Distinct(StringComparer.Ordinal).Select(b => _informers.Bots.Get(b.Split('/')[0], b.Split('/')[1])).OfType<Bot>().ToArray();
        IEnumerable<(string, string, string)> Of(Func<BotMetrics, string?> metric) =>
            bots.Where(b => b.Spec.Metrics is { } m && metric(m) is not null).Select(b => (b.Metadata.NamespaceProperty, b.Metadata.Name, metric(b.Spec.Metrics!)!));
        if (account.Spec.Limits?.OpenOrders is { } most && _figures.Sum(Of(m => m.OpenOrders)) is var open && open > most)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{open:0} orders are open, the account's limit is {most}");
        }

        if (GuardRule.Number(account.Spec.Limits?.DailyLoss) is not { } loss)
        {
            return null;
        }

        lock (_losses)
        {
            var key = (account.Metadata.NamespaceProperty, account.Metadata.Name);
            var day = _losses.TryGetValue(key, out var known) && known.Day == DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime) ? known : _losses[key] = new DayLoss(DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime));
            foreach (var (ns, bot, metric) in Of(m => m.Pnl))
            {
                day.Take($"{ns}/{bot}", _figures.Sum([(ns, bot, metric)]));
            }

            return day.Sum < -loss ? string.Create(CultureInfo.InvariantCulture, $"{-day.Sum:0.##} lost since midnight UTC (as far as this operator has seen), the account's limit is {loss}") : null;
        }
    }

    /// <summary>Changes of what bots report as their profit, since midnight. A bot's figure that starts at zero again is a new epoch's.</summary>
    private sealed class DayLoss(DateOnly day)
    {
        private readonly Dictionary<string, double> _last = new(StringComparer.Ordinal);

        public DateOnly Day { get; } = day;

        public double Sum { get; private set; }

        public void Take(string bot, double pnl)
        {
            if (pnl != 0 && _last.TryGetValue(bot, out var before) && before != 0)
            {
                Sum += pnl - before;
            }
            else
            {
                Sum += pnl;
            }

            _last[bot] = pnl;
        }
    }
}
