using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// The loop behind CustomResourceDefinitions: gives them their names and establishes them, and deletes their objects before they go themselves.
/// </summary>
internal sealed partial class DefinitionController(ObjectRegistry registry, ILogger log)
{
    private static readonly ResourceInfo Definitions = BuiltInResources.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions")!;
    private static readonly UserInfo User = new("system:apiserver", ["system:masters", "system:authenticated"]);
    private readonly ConcurrentDictionary<string, Task> _cleaning = new(StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var now = registry.Store.Revision;
            await ReconcileAsync(cancellationToken);
            using var watch = registry.Store.Watch(ResourceCatalog.Collection, now);
            var changes = new List<StoreEvent>();
            while (await watch.ReadAsync(changes, cancellationToken))
            {
                changes.Clear();
                await ReconcileAsync(cancellationToken);
            }

            if (watch.EndReason == WatchEndReason.Closed)
            {
                return;
            }
        }
    }

    private async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        // Retires what is no longer: watches of objects whose definition has changed end without waiting for the next request.
        _ = registry.Catalog.Current;
        var all = registry.List(Definitions);
        foreach (var crd in all)
        {
            var name = crd.Obj("metadata").Str("name");
            try
            {
                if (crd.Obj("metadata")?["deletionTimestamp"] is not null)
                {
                    if (crd.Obj("metadata")?["finalizers"] is JsonArray finalizers && finalizers.Any(f => f.Text() == DefinitionStatus.Finalizer))
                    {
                        _ = _cleaning.GetOrAdd(crd.Obj("metadata").Str("uid"), uid => Task.Run(() => CleanAsync(uid, crd, cancellationToken), cancellationToken));
                    }
                }
                else if (DefinitionStatus.Plan(crd, all, Timestamps.Format(registry.Time.GetUtcNow())) is { } status)
                {
                    crd["status"] = status;
                    await registry.UpdateAsync(Definitions, "", name, "status", present => Take(present, status), User, cancellationToken);
                }
            }
            catch (ApiErrorException e) when (e.Error.Code is 404 or 409)
            {
                // Changed or gone in between: its event comes.
                Later(name, e.Message);
            }
        }
    }

    private static bool Take(JsonObject crd, JsonObject status)
    {
        crd["status"] = status.DeepClone();
        return true;
    }

    /// <summary>Deletes all objects of a definition, waits until their finalizers let them go, and lets the definition go.</summary>
    private async Task CleanAsync(string uid, JsonObject crd, CancellationToken cancellationToken)
    {
        var (name, spec) = (crd.Obj("metadata").Str("name"), crd.Obj("spec"));
        try
        {
            if (crd.Obj("status").Items("conditions").Any(c => c.Str("type") == "Established" && c.Str("status") == "True"))
            {
                await DeleteObjectsAsync(spec.Str("group"), spec.Obj("names").Str("plural"), cancellationToken);
            }

            await registry.UpdateAsync(Definitions, "", name, "status", present => SetTerminating(present, "False", "InstanceDeletionCompleted", "removed all instances"), User, cancellationToken);
            await registry.UpdateAsync(Definitions, "", name, "", RemoveFinalizer, User, cancellationToken);
        }
        catch (ApiErrorException e) when (e.Error.Code is 404 or 409)
        {
            Later(name, e.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            CleaningFailed(e, name);
        }
        finally
        {
            _cleaning.TryRemove(uid, out _);
        }
    }

    private async Task DeleteObjectsAsync(string group, string plural, CancellationToken cancellationToken)
    {
        var prefix = StorageKeys.Collection(group, plural);
        using var watch = registry.Store.Watch(prefix, registry.Store.Revision);
        var changes = new List<StoreEvent>();
        while (registry.Store.Range(prefix).Entries is { Count: > 0 } entries && registry.Catalog.Current.Definition(group, plural)?.Definition.Storage.Resource is { } resource)
        {
            foreach (var entry in entries)
            {
                var metadata = ObjectCodec.Stored(entry.Value).Obj("metadata");
                if (metadata?["deletionTimestamp"] is null)
                {
                    try
                    {
                        await Deletion.DeleteAsync(registry, resource, metadata.Str("namespace"), metadata.Str("name"), [], User, dryRun: false, cancellationToken, admit: false);
                    }
                    catch (ApiErrorException e) when (e.Error.Code == 404)
                    {
                        Later(metadata.Str("name"), e.Message);
                    }
                }
            }

            if (registry.Store.Range(prefix, limit: 1).Entries.Count == 0 || !await watch.ReadAsync(changes, cancellationToken))
            {
                return;
            }
        }
    }

    private bool SetTerminating(JsonObject crd, string status, string reason, string message)
    {
        DefinitionStatus.SetCondition(crd.Ensure("status"), "Terminating", status, reason, message, Timestamps.Format(registry.Time.GetUtcNow()));
        return true;
    }

    private static bool RemoveFinalizer(JsonObject crd)
    {
        var metadata = crd.Obj("metadata")!;
        var left = (metadata["finalizers"] as JsonArray ?? []).Select(f => f.Text()).Where(f => f != DefinitionStatus.Finalizer).ToArray();
        metadata.Remove("finalizers");
        if (left.Length > 0)
        {
            metadata["finalizers"] = new JsonArray([.. left.Select(f => (JsonNode)f)]);
        }

        return true;
    }

    [LoggerMessage(1, LogLevel.Debug, "{name}: {why}; its next event is awaited")]
    private partial void Later(string name, string why);

    [LoggerMessage(2, LogLevel.Error, "objects of CustomResourceDefinition {name} could not be deleted")]
    private partial void CleaningFailed(Exception e, string name);
}
