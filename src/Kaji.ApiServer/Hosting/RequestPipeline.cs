using System.Diagnostics;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.FlowControl;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Kaji.Store;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Hosting;

/// <summary>
/// The way of each request, from a socket or in process: who is it (401) → what is it about → may they (403) → answer. Refusals are Status objects; nothing else leaves.
/// </summary>
internal sealed partial class RequestPipeline
{
    /// <summary>What a machine that wants to join reads before it can know whom it speaks to: the one resource that may be read without credentials, if RBAC lets it.</summary>
    private const string ClusterInfoPath = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    private readonly IAuthenticator _authenticator;
    private readonly IAuthorizer _authorizer;
    private readonly ResourceHandler _resources;
    private readonly Dictionary<(string, string, string), IEndpoint> _endpoints;
    private readonly IReadOnlyList<Func<HttpContext, Task<bool>>> _documents;
    private readonly ResourceCatalog _catalog;
    private readonly Aggregator? _aggregator;
    private readonly HealthChecks _health;
    private readonly RequestMetrics _metrics;
    private readonly ILogger _log;
    private readonly IRevisionStore _storage;
    private readonly FlowController _flow;
    private readonly Auditor? _auditor;

    public RequestPipeline(
        IAuthenticator authenticator, IAuthorizer authorizer, ResourceHandler resources, IEnumerable<IEndpoint> endpoints,
        IReadOnlyList<Func<HttpContext, Task<bool>>> documents, ResourceCatalog catalog, Aggregator? aggregator, HealthChecks health, RequestMetrics metrics, IRevisionStore storage, FlowController flow, Auditor? auditor, ILogger log)
    {
        (_authenticator, _authorizer, _resources, _documents, _catalog, _aggregator, _health, _metrics, _storage, _flow, _auditor, _log) = (authenticator, authorizer, resources, documents, catalog, aggregator, health, metrics, storage, flow, auditor, log);
        _endpoints = endpoints.ToDictionary(e => (e.Group, e.Resource, e.Subresource));
    }

    public async Task HandleAsync(HttpContext context)
    {
        var began = Stopwatch.GetTimestamp();
        var info = RequestInfoParser.Parse(context.Request);
        var client = context.RequestAborted;
        RequestDeadline? deadline = null;
        _metrics.Began(info);
        try
        {
            deadline = RequestDeadline.Of(context, info);
            await AnswerAsync(context, info);
        }
        catch (ApiErrorException e)
        {
            context.RequestAborted = client;
            await context.WriteErrorAsync(e.Error);
        }
        catch (OperationCanceledException) when (deadline is { HasPassed: true } && !client.IsCancellationRequested)
        {
            context.RequestAborted = client;
            await context.WriteErrorAsync(ApiErrors.Timeout("Timeout: request did not complete within requested timeout - context deadline exceeded", 0));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            Abandoned(info.Verb, info.Path);
        }
        catch (StoreException e)
        {
            StoreFailed(e, info.Verb, info.Path);
            await context.WriteErrorAsync(e.Fault == StoreFault.Full ? new ApiError(507, "InsufficientStorage", e.Message) : ApiErrors.Internal(e.Message));
        }
        catch (BadHttpRequestException e)
        {
            await context.WriteErrorAsync(e.StatusCode == 413 ? ApiErrors.TooLarge(0) : ApiErrors.BadRequest(e.Message));
        }
        catch (IOException e) when (context.RequestAborted.IsCancellationRequested || e is Microsoft.AspNetCore.Connections.ConnectionResetException)
        {
            Abandoned(info.Verb, info.Path);
        }
        catch (Exception e)
        {
            Failed(e, info.Verb, info.Path);
            await context.WriteErrorAsync(ApiErrors.Internal($"{info.Verb} {info.Path}: {e.Message}"));
            await (AuditRecord.Of(context)?.StageAsync("Panic") ?? ValueTask.CompletedTask);
        }
        finally
        {
            if (_auditor is not null && AuditRecord.Of(context) is { } record)
            {
                await record.StageAsync("ResponseComplete");
            }

            context.RequestAborted = client;
            deadline?.Dispose();
            _metrics.Ended(info);
            _metrics.Count(info, info.IsResourceRequest && _catalog.Current.Find(info.Group, info.Version, info.Resource) is not null, context.Response.StatusCode, Stopwatch.GetElapsedTime(began));
        }
    }

    private async Task AnswerAsync(HttpContext context, RequestInfo info)
    {
        var open = _health.Handles(info.Path) || info.Path == "/version";
        var trusted = context.Features.Get<TrustedUserFeature>()?.User;
        var user = trusted ?? await _authenticator.AuthenticateAsync(context);
        if (trusted is null)
        {
            _metrics.Authenticated(user is not null);
        }

        if (user is null || (ReferenceEquals(user, UserInfo.Anonymous) && !open && info.Path != ClusterInfoPath))
        {
            throw new ApiErrorException(ApiErrors.Unauthorized());
        }

        context.Items["user"] = user;
        if (open && _health.Handles(info.Path))
        {
            await _health.HandleAsync(context, info.Path);
            return;
        }

        var audit = _auditor is null ? null : await _auditor.BeginAsync(context, info, user);
        var asked = user;
        user = Impersonation.Apply(context, user, _authorizer);
        var decision = open ? new Decision(true, "") : _authorizer.Authorize(user, info);
        if (audit is not null)
        {
            audit.Impersonated = ReferenceEquals(user, asked) ? null : user;
            audit.Decided(decision);
        }

        if (trusted is null)
        {
            _metrics.Authorized(decision.Allowed);
        }

        if (!decision.Allowed)
        {
            throw new ApiErrorException(ForbiddenMessage.Of(user, info));
        }

        // Loops of this process have the server's own interest; streams to Pods are not its work.
        if (trusted is not null || (info.IsLongRunning && info.Verb != "watch"))
        {
            await ServeAsync(context, info, user);
            return;
        }

        var seat = await _flow.EnterAsync(context, info, user);
        if (seat is null)
        {
            await ServeAsync(context, info, user);
            return;
        }

        using (seat)
        {
            if (info.Verb == "watch")
            {
                // A watch costs its start only.
                context.Response.OnStarting(seat.LeaveAsync);
            }

            await ServeAsync(context, info, user);
        }
    }

    private async Task ServeAsync(HttpContext context, RequestInfo info, UserInfo user)
    {
        if (info.Path == "/metrics")
        {
            await context.WriteTextAsync(200, _metrics.Text(_storage, _flow.Write), "text/plain; version=0.0.4; charset=utf-8");
            return;
        }

        if (_aggregator?.Find(info.Path) is { } elsewhere)
        {
            await _aggregator.ForwardAsync(context, elsewhere, user);
            return;
        }

        if (info.IsResourceRequest)
        {
            if (_endpoints.TryGetValue((info.Group, info.Resource, info.Subresource), out var endpoint))
            {
                if (info.Subresource is "exec" or "attach" or "portforward" or "proxy" && BuiltInResources.Find(info.Group, info.Version, info.Resource) is { } connected)
                {
                    await _resources.AdmitConnectAsync(context, info, connected, user);
                }

                await endpoint.HandleAsync(context, info, user);
                return;
            }

            if (_catalog.Current.Find(info.Group, info.Version, info.Resource) is { } resource)
            {
                if (resource.Custom?.Warning is { } warning)
                {
                    context.Warn(warning);
                }

                await _resources.HandleAsync(context, info, resource, user);
                return;
            }
        }

        foreach (var document in _documents)
        {
            if (await document(context))
            {
                return;
            }
        }

        throw new ApiErrorException(ApiErrors.NoSuchPath());
    }

    [LoggerMessage(1, LogLevel.Error, "{verb} {path} failed")]
    private partial void Failed(Exception e, string verb, string path);

    [LoggerMessage(2, LogLevel.Error, "{verb} {path}: the store refused")]
    private partial void StoreFailed(Exception e, string verb, string path);

    [LoggerMessage(3, LogLevel.Debug, "{verb} {path}: the client went away")]
    private partial void Abandoned(string verb, string path);
}
