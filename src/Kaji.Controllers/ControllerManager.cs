using Kaji.Client;
using Kaji.Controllers.Bootstrap;
using Kaji.Controllers.Certificates;
using Kaji.Controllers.ClusterRoles;
using Kaji.Controllers.Deployments;
using Kaji.Controllers.EndpointSlices;
using Kaji.Controllers.GarbageCollection;
using Kaji.Controllers.Namespaces;
using Kaji.Controllers.NodeLifecycle;
using Kaji.Controllers.NodeRanges;
using Kaji.Controllers.PodGc;
using Kaji.Controllers.ReplicaSets;
using Kaji.Controllers.ResourceQuotas;
using Kaji.Controllers.ServiceAccounts;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers;

/// <summary>All controllers, over one set of informers. Adding one is a line here (docs/add-a-controller.md).</summary>
public sealed class ControllerManager : IComponent, IDisposable
{
    private readonly InformerFactory _informers;
    private readonly EventRecorder _events;
    private readonly Controller[] _controllers;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="authorityPem">The cluster's root certificate, given to each namespace.</param>
    /// <param name="podCidr">The range of which each node gets a part; without it nodes get none.</param>
    /// <param name="identity">With what certificates and tokens are signed; without it nobody here signs.</param>
    public ControllerManager(IApiClient client, string authorityPem, TimeProvider time, ILoggerFactory logging, ClusterIdentity? identity = null, System.Net.IPNetwork? podCidr = null)
    {
        _informers = new InformerFactory(client, time, logging);
        _events = new EventRecorder(client, "kube-controller-manager", null, time, logging);
        EventRecorder Events(string component) => new(client, component, null, time, logging);
        var (replicaSets, replications, deployments, nodes) = (Events("replicaset-controller"), Events("replication-controller"), Events("deployment-controller"), Events("node-controller"));
        Recorders = [_events, replicaSets, replications, deployments, nodes];
        _controllers =
        [
            new NamespaceDefaultsController(client, _informers, authorityPem, time, logging),
            new ReplicaSetController(client, _informers, replicaSets, time, logging),
            ReplicaSetController.OfReplicationControllers(client, _informers, replications, time, logging),
            new DeploymentController(client, _informers, deployments, time, logging),
            new EndpointSliceController(client, _informers, time, logging),
            new NamespaceController(client, _informers, time, logging),
            new NodeLifecycleController(client, _informers, nodes, time, logging),
            new ResourceQuotaController(client, _informers, time, logging),
            new PodGcController(client, _informers, time, logging),
            new GarbageCollectionController(client, time, logging),
            new CertificateApprovingController(client, _informers, time, logging),
            new CertificateCleanerController(client, _informers, time, logging),
            new ClusterRoleAggregationController(client, _informers, time, logging),
            new TokenCleanerController(client, _informers, time, logging),
            new BootstrapSignerController(client, _informers, time, logging),
            .. podCidr is { } range ? [new NodeRangeController(client, _informers, range, time, logging)] : Array.Empty<Controller>(),
            .. identity is null ? Array.Empty<Controller>() :
            [
                new CertificateSigningController(client, _informers, identity.Authority, time, logging),
                new TokenSecretController(client, _informers, identity.LegacyToken, authorityPem, time, logging),
            ],
        ];
    }

    public string Name => "kube-controller-manager";

    public Task Ready => _ready.Task;

    private EventRecorder[] Recorders { get; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var informers = _informers.RunAsync(cancellationToken);
        await _informers.WaitForSyncAsync(cancellationToken);
        _ready.TrySetResult();
        await Task.WhenAll([informers, .. Recorders.Select(r => r.RunAsync(cancellationToken)), .. _controllers.Select(c => c.RunAsync(cancellationToken))]);
    }

    public void Dispose()
    {
        foreach (var controller in _controllers)
        {
            controller.Dispose();
        }
    }
}
