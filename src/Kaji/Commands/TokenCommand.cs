using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Cluster;

namespace Kaji.Commands;

/// <summary><c>kaji token</c>: tokens with which a new node asks for its first certificate. https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/</summary>
internal static class TokenCommand
{
    private const string SecretType = "bootstrap.kubernetes.io/token";
    private const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static readonly Option<int> Hours = new("--ttl") { Description = "Hours until it ends; 0 for never", DefaultValueFactory = _ => 24 };
    private static readonly Option<string> Text = new("--description") { Description = "What it is for", DefaultValueFactory = _ => "" };
    private static readonly Argument<string> Id = new("ID") { Description = "The part before the dot" };

    public static Command Build()
    {
        var create = new Command("create", "Make a token and print it.") { Hours, Text };
        create.SetAction((parsed, cancel) => CreateAsync(parsed.Paths(), parsed.GetValue(Hours), parsed.GetValue(Text)!, cancel));
        var list = new Command("list", "Show the tokens that there are, without their secrets.");
        list.SetAction((parsed, cancel) => ListAsync(parsed.Paths(), cancel));
        var delete = new Command("delete", "Make a token worthless.") { Id };
        delete.SetAction((parsed, cancel) => DeleteAsync(parsed.Paths(), parsed.GetValue(Id)!, cancel));
        return new Command("token", "Tokens with which new nodes join.") { create, list, delete };
    }

    private static async Task<int> CreateAsync(ClusterPaths paths, int hours, string text, CancellationToken cancel)
    {
        if (hours < 0)
        {
            throw new UserError($"--ttl {hours}: hours can't be negative.", ExitCodes.Usage);
        }

        using var api = ClusterConnection.Open(paths);
        var (id, secret) = (RandomNumberGenerator.GetString(Letters, 6), RandomNumberGenerator.GetString(Letters, 16));
        var data = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["token-id"] = id, ["token-secret"] = secret, ["usage-bootstrap-authentication"] = "true", ["usage-bootstrap-signing"] = "true", ["auth-extra-groups"] = "system:bootstrappers:kubeadm:default-node-token",
        };
        if (hours > 0)
        {
            data["expiration"] = TimeProvider.System.GetUtcNow().AddHours(hours).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        }

        if (text.Length > 0)
        {
            data["description"] = text;
        }

        await api.Client.CreateAsync(Client.Kinds.Secret, new V1Secret
        {
            ApiVersion = "v1", Kind = "Secret", Metadata = new V1ObjectMeta { Name = "bootstrap-token-" + id, NamespaceProperty = "kube-system" }, Type = SecretType,
            Data = data.ToDictionary(d => d.Key, d => Encoding.UTF8.GetBytes(d.Value), StringComparer.Ordinal),
        }, cancel);
        Console.WriteLine($"{id}.{secret}");
        return ExitCodes.Ok;
    }

    private static async Task<int> ListAsync(ClusterPaths paths, CancellationToken cancel)
    {
        using var api = ClusterConnection.Open(paths);
        var secrets = await api.Client.ListAsync(Client.Kinds.Secret, "kube-system", new ListOptions { FieldSelector = "type=" + SecretType }, cancel);
        Console.WriteLine($"{"ID",-8} {"ENDS",-22} DESCRIPTION");
        foreach (var secret in secrets.Items)
        {
            string Value(string key) => secret.Data?.TryGetValue(key, out var bytes) == true ? Encoding.UTF8.GetString(bytes) : "";
            Console.WriteLine($"{Value("token-id"),-8} {(Value("expiration") is { Length: > 0 } end ? end : "never"),-22} {Value("description")}");
        }

        return ExitCodes.Ok;
    }

    private static async Task<int> DeleteAsync(ClusterPaths paths, string id, CancellationToken cancel)
    {
        using var api = ClusterConnection.Open(paths);
        id = id.Split('.')[0];
        return await api.Client.DeleteAsync(Client.Kinds.Secret, "kube-system", "bootstrap-token-" + id, null, cancel) ? ExitCodes.Ok : throw new UserError($"there is no token {id}. `kaji token list` shows those that there are.");
    }
}
