using Kaji.ApiServer.Admission.Limits;
using Kaji.ApiServer.Admission.PodSecurity;
using Kaji.ApiServer.Admission.Policies;
using Kaji.ApiServer.Admission.Quotas;
using Kaji.ApiServer.Admission.Webhooks;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// The admission steps of a cluster in their order: built-in ones, policies, webhooks, quota. Made before the API server, which takes <see cref="Plugins"/>; then
/// attached to its registry; <see cref="RunAsync"/> keeps up with policies and webhooks.
/// </summary>
public sealed class DefaultAdmission
{
    private readonly NamespaceLifecycle _lifecycle = new();
    private readonly LimitRanger _limits = new();
    private readonly ServiceAccountAdmission _accounts = new();
    private readonly PodSecurityAdmission _podSecurity = new();
    private readonly PriorityAdmission _priority = new();
    private readonly DefaultStorageClass _storageClass = new();
    private readonly RuntimeClassAdmission _runtimeClass = new();
    private readonly CertificateAdmission _certificates = new();
    private readonly DefaultIngressClass _ingressClass = new();
    private readonly PodTopologyLabels _topology = new();
    private readonly ResourceQuotaAdmission _quotas;
    private readonly AdmissionConfiguration _configuration;
    private (IObjectRegistry Objects, IAuthorizer Authorizer)? _context;
    private WebhookCall? _call;

    /// <param name="store">What policies and webhooks are watched in.</param>
    /// <param name="webhooks">Calls webhooks; the caller's to dispose.</param>
    /// <param name="beforePolicies">Steps of other parts, between the built-in ones and the policies: allocation, escalation checks, node restriction.</param>
    public DefaultAdmission(IRevisionStore store, WebhookClient webhooks, IReadOnlyList<IAdmissionPlugin> beforePolicies, TimeProvider time, ILoggerFactory logging)
    {
        _quotas = new ResourceQuotaAdmission(time);
        (Webhooks, _configuration) = (webhooks, new AdmissionConfiguration(store));
        Plugins =
        [
            _lifecycle, _limits, _accounts, new TaintNodesByCondition(), _podSecurity, _priority, new DefaultTolerationSeconds(), _storageClass, _runtimeClass, _certificates, _ingressClass, _topology,
            .. beforePolicies, new ExpressionValidation(),
            new MutatingPolicies(() => _configuration.MutatingPolicies, () => _context!.Value), new MutatingWebhooks(() => _configuration.MutatingWebhooks, () => _call!),
            new ValidatingPolicies(() => _configuration.ValidatingPolicies, () => _context!.Value), new ValidatingWebhooks(() => _configuration.ValidatingWebhooks, () => _call!), _quotas,
        ];
    }

    public IReadOnlyList<IAdmissionPlugin> Plugins { get; }

    private WebhookClient Webhooks { get; }

    /// <summary>Gives the steps what they look things up in.</summary>
    public void Attach(IObjectRegistry objects, IAuthorizer authorizer)
    {
        _lifecycle.Objects = _quotas.Objects = _limits.Objects = _accounts.Objects = _podSecurity.Objects = _priority.Objects = _storageClass.Objects = _runtimeClass.Objects = _ingressClass.Objects = _topology.Objects = objects;
        Webhooks.Objects = objects;
        _certificates.Authorizer = authorizer;
        (_context, _call) = ((objects, authorizer), new WebhookCall(Webhooks, objects, authorizer));
        _configuration.Load();
    }

    /// <summary>Follows the store until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => _configuration.RunAsync(c => TypeChecking.RunAsync(_context!.Value.Objects, c), cancellationToken);
}
