using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Bootstrap;

/// <summary>Deletes bootstrap tokens that have expired.</summary>
public sealed class TokenCleanerController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1Secret> _secrets;

    public TokenCleanerController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("token-cleaner-controller", time, logging.CreateLogger<TokenCleanerController>())
    {
        _client = client;
        _secrets = informers.For(Kinds.Secret, fieldSelector: $"type={BootstrapToken.SecretType}");
        _secrets.Subscribe(change =>
        {
            if (change.New is { } now && now.Metadata.NamespaceProperty == BootstrapToken.Namespace)
            {
                Enqueue(now.Metadata.NamespaceProperty, now.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_secrets.Get(ns, objectName) is not { } secret || BootstrapToken.Of(secret) is not { Expiration: { } end })
        {
            return;
        }

        var left = end - Time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            EnqueueAfter(ns, objectName, left + TimeSpan.FromSeconds(1));
            return;
        }

        await _client.DeleteAsync(Kinds.Secret, ns, objectName, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = secret.Metadata.Uid } }, cancellationToken);
    }
}
