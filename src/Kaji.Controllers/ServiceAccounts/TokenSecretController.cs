using System.Text;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ServiceAccounts;

/// <summary>Signs a token that doesn't expire.</summary>
/// <param name="account">The ServiceAccount's name, and its uid.</param>
public delegate string LegacyTokenIssuer(string ns, string secret, (string Name, string Uid) account);

/// <summary>
/// Fills Secrets of type <c>kubernetes.io/service-account-token</c> with a token, the root certificate and the namespace, and deletes those whose account is gone.
/// https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
/// </summary>
public sealed class TokenSecretController : Controller
{
    private const string SecretType = "kubernetes.io/service-account-token";
    private const string NameAnnotation = "kubernetes.io/service-account.name";
    private const string UidAnnotation = "kubernetes.io/service-account.uid";
    private readonly IApiClient _client;
    private readonly IInformer<V1Secret> _secrets;
    private readonly IInformer<V1ServiceAccount> _accounts;
    private readonly LegacyTokenIssuer _issue;
    private readonly byte[] _authority;

    public TokenSecretController(IApiClient client, InformerFactory informers, LegacyTokenIssuer issue, string authorityPem, TimeProvider time, ILoggerFactory logging)
        : base("serviceaccount-token-controller", time, logging.CreateLogger<TokenSecretController>())
    {
        (_client, _issue, _authority) = (client, issue, Encoding.ASCII.GetBytes(authorityPem));
        _secrets = informers.For(Kinds.Secret, fieldSelector: $"type={SecretType}");
        _accounts = informers.For(Kinds.ServiceAccount);
        _secrets.Subscribe(change =>
        {
            if (change.New is { } now)
            {
                Enqueue(now.Metadata.NamespaceProperty, now.Metadata.Name);
            }
        });
        // A key that names an account stands for all its Secrets; '/' is in no Secret's name.
        _accounts.Subscribe(change =>
        {
            if (change.New is null)
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, "/" + change.Object.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (objectName[0] == '/')
        {
            foreach (var one in _secrets.List().Where(s => s.Metadata.NamespaceProperty == ns && Annotation(s, NameAnnotation) == objectName[1..]))
            {
                Enqueue(ns, one.Metadata.Name);
            }

            return;
        }

        if (_secrets.Get(ns, objectName) is not { } secret || secret.Metadata.DeletionTimestamp is not null)
        {
            return;
        }

        // Asked, not looked up: a Secret made right after its account must not be taken for one without.
        var account = await _client.FindAsync(Kinds.ServiceAccount, ns, Annotation(secret, NameAnnotation), cancellationToken);
        if (account is null || (Annotation(secret, UidAnnotation) is { Length: > 0 } uid && uid != account.Metadata.Uid))
        {
            await _client.DeleteAsync(Kinds.Secret, ns, objectName, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = secret.Metadata.Uid } }, cancellationToken);
            return;
        }

        if (await _client.FindAsync(Kinds.Secret, ns, objectName, cancellationToken) is { } now && Fill(now, account))
        {
            await _client.UpdateAsync(Kinds.Secret, now, null, cancellationToken);
        }
    }

    /// <returns>Whether something was missing.</returns>
    private bool Fill(V1Secret secret, V1ServiceAccount account)
    {
        var (ns, name) = (secret.Metadata.NamespaceProperty, secret.Metadata.Name);
        var data = secret.Data ??= new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var changed = false;
        if (!data.TryGetValue("token", out var token) || token.Length == 0)
        {
            data["token"] = Encoding.ASCII.GetBytes(_issue(ns, name, (account.Metadata.Name, account.Metadata.Uid)));
            changed = true;
        }

        if (!data.TryGetValue("ca.crt", out var authority) || !authority.AsSpan().SequenceEqual(_authority))
        {
            data["ca.crt"] = _authority;
            changed = true;
        }

        if (!data.TryGetValue("namespace", out var said) || said.Length == 0)
        {
            data["namespace"] = Encoding.UTF8.GetBytes(ns);
            changed = true;
        }

        if (Annotation(secret, UidAnnotation).Length == 0)
        {
            secret.Metadata.Annotations[UidAnnotation] = account.Metadata.Uid;
            changed = true;
        }

        return changed;
    }

    private static string Annotation(V1Secret secret, string name) => secret.Metadata.Annotations?.TryGetValue(name, out var value) == true ? value : "";
}
