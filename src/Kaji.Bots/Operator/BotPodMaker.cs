using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <summary>What a Pod of a bot is made of.</summary>
public sealed record BotPodRequest(Bot Bot, BotSpec Spec, Account? Account, long Epoch, string Revision, bool Standby, string? Avoid, long PreviousEpoch, string PreviousStop);

/// <summary>Makes Pods (and Deployments of Shared bots) from a bot's template: environment, labels, epoch, the warden's plan.</summary>
public static class BotPodMaker
{
    private const string Volume = "kaji-bot";
    internal const string NotifyVolume = "kaji-notify";
    private const string ParametersVolume = "kaji-parameters";
    private const string ParametersAnnotation = BotNames.Group + "/parameters";
    private const string Directory = "/etc/kaji";
    private const int DefaultGrace = 10;

    /// <summary>Names a version: what makes another Pod makes another version.</summary>
    public static string RevisionOf(BotSpec spec)
    {
        var what = new BotSpec { Account = spec.Account, Markets = spec.Markets, Parameters = spec.Parameters, Start = spec.Start, Stop = spec.Stop, Metrics = spec.Metrics, Template = spec.Template,

            // It needs a socket in the Pod; other ways of saying it don't.
            Freshness = spec.Freshness?.SdNotify is { } word ? new BotFreshness { SdNotify = word } : null,
        };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(what, BotJson.Default.BotSpec)))[..10];
    }

    /// <summary>NAMESPACE/NAME of a bot's account; null when it has none.</summary>
    public static string? AccountOf(Bot bot, BotSpec spec) => spec.Account is not { } name ? null : name.Contains('/', StringComparison.Ordinal) ? name : $"{bot.Metadata.NamespaceProperty}/{name}";

    /// <exception cref="JsonException">The template is no Pod.</exception>
    public static V1Pod Make(BotPodRequest request)
    {
        var (bot, spec) = (request.Bot, request.Spec);
        var template = Template(spec);
        var pod = new V1Pod { ApiVersion = "v1", Kind = "Pod", Metadata = template.Metadata ?? new V1ObjectMeta(), Spec = template.Spec };
        var meta = pod.Metadata;
        meta.Name = BotNames.PodOf(bot.Metadata.Name, request.Epoch);
        meta.GenerateName = null;
        meta.NamespaceProperty = bot.Metadata.NamespaceProperty;
        meta.OwnerReferences = [Owner(bot)];
        meta.Labels = Labels(bot, meta.Labels);
        meta.Labels[BotNames.EpochLabel] = request.Epoch.ToString(CultureInfo.InvariantCulture);
        meta.Labels[BotNames.RevisionLabel] = request.Revision;
        var grace = (int)(pod.Spec.TerminationGracePeriodSeconds ?? DefaultGrace);
        pod.Spec.RestartPolicy = "Never";
        pod.Spec.TerminationGracePeriodSeconds = grace + (spec.Stop?.Tell is null ? 0 : spec.Stop.DeadlineSeconds ?? 20) + 2;
        var plan = new WardenPlan
        {
            Bot = bot.Metadata.Name, Lease = BotNames.LeaseOf(bot.Metadata.Name), Epoch = request.Epoch, LeaseSeconds = bot.Spec.Activation?.LeaseSeconds ?? 5, Standby = request.Standby, Container = pod.Spec.Containers[0].Name,
            Start = spec.Start, Stop = spec.Stop, GraceSeconds = grace, Metrics = spec.Metrics, Account = AccountOf(bot, spec), PreviousEpoch = request.PreviousEpoch, PreviousStop = request.PreviousStop,
        };
        plan = Watching(plan, bot);
        meta.Annotations = new Dictionary<string, string>(meta.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.PlanAnnotation] = JsonSerializer.Serialize(plan, BotJson.Default.WardenPlan) };
        List<V1EnvVar> variables =
        [
            Variable("KAJI_BOT", bot.Metadata.Name), Variable(BotNames.EpochVariable, meta.Labels[BotNames.EpochLabel]), Variable("KAJI_PREVIOUS_EPOCH", request.PreviousEpoch.ToString(CultureInfo.InvariantCulture)),
            Variable("KAJI_PREVIOUS_STOP", request.PreviousStop), Variable("KAJI_STANDBY", request.Standby ? "true" : "false"), .. AccountVariables(request.Account, spec),
        ];
        Fill(pod.Spec, meta, spec, variables, request.Account?.Spec.Credentials, new V1DownwardAPIVolumeFile { Path = "epoch", FieldRef = new V1ObjectFieldSelector { FieldPath = $"metadata.labels['{BotNames.EpochLabel}']" } });
        if (bot.Spec.Freshness?.SdNotify is not null)
        {
            var main = pod.Spec.Containers[0];
            main.Env = [.. main.Env, Variable("NOTIFY_SOCKET", NotifySocket.Place)];
            main.VolumeMounts = [.. main.VolumeMounts ?? [], new V1VolumeMount { Name = NotifyVolume, MountPath = NotifySocket.Folder }];
            pod.Spec.Volumes = [.. pod.Spec.Volumes ?? [], new V1Volume { Name = NotifyVolume, EmptyDir = new V1EmptyDirVolumeSource { Medium = "Memory", SizeLimit = new ResourceQuantity("1Mi") } }];
        }

        if (request.Avoid is { } node)
        {
            AvoidNode(pod.Spec, node);
        }

        return pod;
    }

    /// <summary>What the warden watches for, as the bot has it now: it may change while a Pod lives.</summary>
    public static WardenPlan Watching(WardenPlan plan, Bot bot) =>
        plan with { Freshness = bot.Spec.Freshness is { } f ? f with { Probe = null, OrdersExpected = null } : null, Report = Reported(bot.Spec), Labels = bot.Metadata.Labels };

    /// <summary>The Deployment of a Shared bot.</summary>
    public static V1Deployment MakeShared(Bot bot, int replicas, string revision)
    {
        var template = Template(bot.Spec);
        var meta = template.Metadata ??= new V1ObjectMeta();
        meta.Labels = Labels(bot, meta.Labels);
        meta.Labels[BotNames.RevisionLabel] = revision;
        template.Spec.RestartPolicy = "Always";
        template.Spec.TerminationGracePeriodSeconds ??= DefaultGrace;
        meta.Annotations = new Dictionary<string, string>(meta.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        Fill(template.Spec, meta, bot.Spec, [Variable("KAJI_BOT", bot.Metadata.Name)], null, null);
        return new V1Deployment
        {
            ApiVersion = "apps/v1", Kind = "Deployment",
            Metadata = new V1ObjectMeta { Name = bot.Metadata.Name, NamespaceProperty = bot.Metadata.NamespaceProperty, OwnerReferences = [Owner(bot)], Labels = Labels(bot, null), Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { [BotNames.RevisionLabel] = revision } },
            Spec = new V1DeploymentSpec
            {
                Replicas = replicas, Selector = new V1LabelSelector { MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { [BotNames.BotLabel] = bot.Metadata.Name } }, Template = template,
            },
        };
    }

    private static V1PodTemplateSpec Template(BotSpec spec)
    {
        var template = ModelJson.Deserialize<V1PodTemplateSpec>(JsonSerializer.SerializeToUtf8Bytes(spec.Template ?? new JsonObject(), BotJson.Default.JsonObject));
        return template.Spec?.Containers is { Count: > 0 } ? template : throw new JsonException("spec.template.spec.containers is empty");
    }

    private static V1OwnerReference Owner(Bot bot) => new() { ApiVersion = bot.ApiVersion, Kind = bot.Kind, Name = bot.Metadata.Name, Uid = bot.Metadata.Uid, Controller = true, BlockOwnerDeletion = true };

    private static Dictionary<string, string> Labels(Bot bot, IDictionary<string, string>? own)
    {
        var labels = new Dictionary<string, string>(bot.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        foreach (var (key, value) in own ?? new Dictionary<string, string>())
        {
            labels[key] = value;
        }

        labels[BotNames.BotLabel] = bot.Metadata.Name;
        return labels;
    }

    /// <summary>What the warden has to read from the metrics page: what guards, the account's limits and people ask for.</summary>
    private static string[] Reported(BotSpec spec) =>
    [
        .. (spec.Guards ?? []).SelectMany(g => new[] { g.Metric, g.By }).Concat([spec.Metrics?.Pnl, spec.Metrics?.Trades, spec.Metrics?.OpenOrders, spec.Freshness?.OrdersExpected?.Metric])
            .OfType<string>().Distinct(StringComparer.Ordinal),
    ];

    private static IEnumerable<V1EnvVar> AccountVariables(Account? account, BotSpec spec)
    {
        if (spec.Markets is { Count: > 0 } markets)
        {
            yield return Variable("KAJI_MARKETS", string.Join(',', markets));
        }

        if (account is null)
        {
            yield break;
        }

        yield return Variable("KAJI_ACCOUNT", account.Metadata.Name);
        yield return Variable("KAJI_EXCHANGE", account.Spec.Exchange ?? "");
        yield return Variable("KAJI_MODE", account.Spec.Mode ?? "Paper");
        foreach (var (name, value) in new[]
        {
            ("KAJI_LIMIT_ORDER_SIZE", account.Spec.Limits?.OrderSize), ("KAJI_LIMIT_OPEN_ORDERS", account.Spec.Limits?.OpenOrders?.ToString(CultureInfo.InvariantCulture)),
            ("KAJI_LIMIT_DAILY_LOSS", account.Spec.Limits?.DailyLoss), ("KAJI_LIMIT_REQUEST_WEIGHT", account.Spec.Limits?.RequestWeight?.ToString(CultureInfo.InvariantCulture)),
        })
        {
            if (value is not null)
            {
                yield return Variable(name, value);
            }
        }

        foreach (var (variable, key) in account.Spec.Credentials?.Env ?? new Dictionary<string, string>())
        {
            yield return new V1EnvVar { Name = variable, ValueFrom = new V1EnvVarSource { SecretKeyRef = new V1SecretKeySelector { Name = account.Spec.Credentials!.SecretName, Key = key } } };
        }
    }

    private static void Fill(V1PodSpec pod, V1ObjectMeta meta, BotSpec spec, List<V1EnvVar> variables, AccountCredentials? credentials, V1DownwardAPIVolumeFile? epoch)
    {
        var main = pod.Containers[0];
        var values = spec.Parameters?.Values ?? new Dictionary<string, string>();
        switch (spec.Parameters?.As ?? "Env")
        {
            case "Args":
                main.Args = [.. main.Args ?? [], .. values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => $"--{v.Key}={v.Value}")];
                break;
            case "File" when spec.Parameters!.Path is { } path:
                var json = new JsonObject(values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => KeyValuePair.Create(v.Key, (JsonNode?)JsonValue.Create(v.Value))));
                meta.Annotations[ParametersAnnotation] = json.ToJsonString();
                Mount(pod, ParametersVolume, path, Path.GetFileName(path), new V1DownwardAPIVolumeFile { Path = Path.GetFileName(path), FieldRef = new V1ObjectFieldSelector { FieldPath = $"metadata.annotations['{ParametersAnnotation}']" } });
                break;
            default:
                variables.AddRange(values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => Variable(VariableName(v.Key), v.Value)));
                break;
        }

        if (epoch is not null)
        {
            Mount(pod, Volume, Directory, null, epoch);
        }

        foreach (var container in pod.Containers.Concat(pod.InitContainers ?? []))
        {
            if (credentials is { Env: null or { Count: 0 } })
            {
                container.EnvFrom = [.. container.EnvFrom ?? [], new V1EnvFromSource { SecretRef = new V1SecretEnvSource { Name = credentials.SecretName } }];
            }

            // What the template says itself comes last and wins, but for the epoch.
            container.Env = [.. variables.Where(v => v.Name == BotNames.EpochVariable || container.Env?.Any(e => e.Name == v.Name) != true), .. (container.Env ?? []).Where(e => e.Name != BotNames.EpochVariable || epoch is null)];
        }
    }

    /// <param name="subPath">The one file of the volume that is mounted, so that it hides nothing beside it; null for the whole.</param>
    private static void Mount(V1PodSpec pod, string volume, string place, string? subPath, V1DownwardAPIVolumeFile file)
    {
        pod.Volumes = [.. pod.Volumes ?? [], new V1Volume { Name = volume, DownwardAPI = new V1DownwardAPIVolumeSource { Items = [file] } }];
        pod.Containers[0].VolumeMounts = [.. pod.Containers[0].VolumeMounts ?? [], new V1VolumeMount { Name = volume, MountPath = place, SubPath = subPath, ReadOnlyProperty = true }];
    }

    /// <summary><c>takeProfit</c>, <c>take-profit</c> and <c>TAKE_PROFIT</c> are all TAKE_PROFIT.</summary>
    private static string VariableName(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(name[i]) && char.IsAsciiLetterLower(name[i - 1]))
            {
                text.Append('_');
            }

            text.Append(char.IsAsciiLetterOrDigit(name[i]) ? char.ToUpperInvariant(name[i]) : '_');
        }

        return text.ToString();
    }

    /// <summary>Preferred, not required: where there is no other node, the one that fell silent may be back.</summary>
    private static void AvoidNode(V1PodSpec pod, string node)
    {
        var not = new V1NodeSelectorRequirement { Key = "kubernetes.io/hostname", OperatorProperty = "NotIn", Values = [node] };
        pod.Affinity ??= new V1Affinity();
        pod.Affinity.NodeAffinity ??= new V1NodeAffinity();
        var affinity = pod.Affinity.NodeAffinity;
        affinity.PreferredDuringSchedulingIgnoredDuringExecution =
        [
            .. affinity.PreferredDuringSchedulingIgnoredDuringExecution ?? [], new V1PreferredSchedulingTerm { Weight = 100, Preference = new V1NodeSelectorTerm { MatchExpressions = [not] } },
        ];
    }

    private static V1EnvVar Variable(string name, string value) => new() { Name = name, Value = value };
}
