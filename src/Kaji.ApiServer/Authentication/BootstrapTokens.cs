using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Authentication;

/// <summary>
/// Tokens with which a new node asks for its first certificate: <c>ID.SECRET</c>, each a Secret <c>bootstrap-token-ID</c> in kube-system.
/// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
/// </summary>
public sealed partial class BootstrapTokens(TimeProvider time) : ITokenAuthenticator
{
    private const string Group = "system:bootstrappers";
    private static readonly ResourceInfo Secrets = BuiltInResources.Find("", "v1", "secrets")!;

    /// <summary>Where the Secrets are; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    public ValueTask<TokenIdentity?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken) =>
        ValueTask.FromResult(audiences is [] or [ServiceAccountTokens.Issuer] && Verify(token) is { } user ? new TokenIdentity(user, [ServiceAccountTokens.Issuer]) : null);

    private UserInfo? Verify(string token)
    {
        if (Form().Match(token) is not { Success: true } form)
        {
            return null;
        }

        var id = form.Groups[1].Value;
        if (Objects?.Get(Secrets, "kube-system", $"bootstrap-token-{id}") is not { } secret || secret.Str("type") != "bootstrap.kubernetes.io/token"
            || secret.Obj("metadata")?["deletionTimestamp"] is not null)
        {
            return null;
        }

        var data = secret.Obj("data");
        if (Value(data, "token-id") != id
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Value(data, "token-secret")), Encoding.UTF8.GetBytes(form.Groups[2].Value))
            || Value(data, "usage-bootstrap-authentication") != "true"
            || HasExpired(Value(data, "expiration")))
        {
            return null;
        }

        var groups = Value(data, "auth-extra-groups").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return groups.All(g => ExtraGroup().IsMatch(g)) ? new UserInfo($"system:bootstrap:{id}", [Group, .. groups, "system:authenticated"]) : null;
    }

    /// <summary>An end that can't be read has come.</summary>
    private bool HasExpired(string expiration) => expiration.Length > 0
        && (!DateTimeOffset.TryParse(expiration, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end) || end <= time.GetUtcNow());

    private static string Value(JsonObject? data, string key)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(data.Str(key)));
        }
        catch (FormatException)
        {
            return "";
        }
    }

    [GeneratedRegex("^([a-z0-9]{6})\\.([a-z0-9]{16})$", RegexOptions.None, 1000)]
    private static partial Regex Form();

    [GeneratedRegex("^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$", RegexOptions.None, 1000)]
    private static partial Regex ExtraGroup();
}
