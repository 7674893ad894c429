using System.Text.Json.Serialization;
using k8s.Models;
using Kaji.Bots.Warden;
using Kaji.Client;

namespace Kaji.Bots.Api;

/// <summary>The kinds of bots.kaji.dev for the client; the first use teaches the client's serializer these types.</summary>
public static class BotKinds
{
    public static readonly ResourceKind<Bot> Bot;
    public static readonly ResourceKind<Account> Account;
    public static readonly ResourceKind<BotFleet> BotFleet;
    public static readonly ResourceKind<Halt> Halt;
    public static readonly ResourceKind<BotRevision> Revision;

    public static readonly ResourceKind<V1RoleBinding> RoleBinding = new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", Namespaced: true);
    public static readonly ResourceKind<V1ClusterRoleBinding> ClusterRoleBinding = new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", Namespaced: false);

    static BotKinds()
    {
        ModelJson.Extend(BotJson.Default);
        Bot = new(BotNames.Group, BotNames.Version, "bots", "Bot", Namespaced: true);
        Account = new(BotNames.Group, BotNames.Version, "accounts", "Account", Namespaced: true);
        BotFleet = new(BotNames.Group, BotNames.Version, "botfleets", "BotFleet", Namespaced: true);
        Halt = new(BotNames.Group, BotNames.Version, "halts", "Halt", Namespaced: false);
        Revision = new("apps", "v1", "controllerrevisions", "ControllerRevision", Namespaced: true);
    }
}

/// <summary>Generated serialization of the bots' own types; those of Kubernetes come from KubernetesClient's.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Bot))]
[JsonSerializable(typeof(Account))]
[JsonSerializable(typeof(BotFleet))]
[JsonSerializable(typeof(Halt))]
[JsonSerializable(typeof(BotRevision))]
[JsonSerializable(typeof(BotSpec))]
[JsonSerializable(typeof(FleetSpec))]
[JsonSerializable(typeof(WardenPlan))]
[JsonSerializable(typeof(BotReport))]
[JsonSerializable(typeof(StopResult))]
[JsonSerializable(typeof(HookBody))]
public sealed partial class BotJson : JsonSerializerContext;
