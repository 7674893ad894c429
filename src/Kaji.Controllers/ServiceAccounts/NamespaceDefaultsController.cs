using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ServiceAccounts;

/// <summary>What each namespace has from its beginning: the ServiceAccount <c>default</c>, and the ConfigMap <c>kube-root-ca.crt</c> by which Pods trust the API server.</summary>
public sealed class NamespaceDefaultsController : Controller
{
    private const string Account = "default";
    private const string RootCa = "kube-root-ca.crt";
    private readonly IApiClient _client;
    private readonly IInformer<V1Namespace> _namespaces;
    private readonly IInformer<V1ServiceAccount> _accounts;
    private readonly IInformer<V1ConfigMap> _maps;
    private readonly string _authorityPem;

    public NamespaceDefaultsController(IApiClient client, InformerFactory informers, string authorityPem, TimeProvider time, ILoggerFactory logging)
        : base("serviceaccount-controller", time, logging.CreateLogger<NamespaceDefaultsController>())
    {
        (_client, _authorityPem) = (client, authorityPem);
        _namespaces = informers.For(Kinds.Namespace);
        _accounts = informers.For(Kinds.ServiceAccount);
        _maps = informers.For(Kinds.ConfigMap, fieldSelector: $"metadata.name={RootCa}");
        _namespaces.Subscribe(change => Enqueue("", change.Object.Metadata.Name));
        _accounts.Subscribe(change => Again(change.New is null && change.Object.Metadata.Name == Account, change.Object.Metadata));
        _maps.Subscribe(change => Again(true, change.Object.Metadata));
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_namespaces.Get(null, objectName) is not { } owner || owner.Metadata.DeletionTimestamp is not null)
        {
            return;
        }

        if (_accounts.Get(objectName, Account) is null)
        {
            await EnsureAsync(Kinds.ServiceAccount, new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = Account, NamespaceProperty = objectName } }, cancellationToken);
        }

        var map = _maps.Get(objectName, RootCa);
        if (map is null)
        {
            await EnsureAsync(Kinds.ConfigMap, Map(objectName), cancellationToken);
        }
        else if (map.Data?.TryGetValue("ca.crt", out var pem) != true || pem != _authorityPem)
        {
            var next = Map(objectName);
            next.Metadata.ResourceVersion = map.Metadata.ResourceVersion;
            await _client.UpdateAsync(Kinds.ConfigMap, next, null, cancellationToken);
        }
    }

    private V1ConfigMap Map(string ns) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = RootCa, NamespaceProperty = ns,
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { ["kubernetes.io/description"] = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters." },
        },
        Data = new Dictionary<string, string>(StringComparer.Ordinal) { ["ca.crt"] = _authorityPem },
    };

    private async Task EnsureAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken)
        where T : class, k8s.IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            await _client.CreateAsync(kind, obj, cancellationToken);
        }
        catch (ApiException e) when (e.IsAlreadyExists || e.Code == 403)
        {
            // It is there (the cache was behind), or the namespace has begun to end: nothing is left to do.
            return;
        }
    }

    private void Again(bool relevant, V1ObjectMeta metadata)
    {
        if (relevant)
        {
            Enqueue("", metadata.NamespaceProperty);
        }
    }
}
