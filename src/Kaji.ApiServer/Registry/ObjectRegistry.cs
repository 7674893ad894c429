using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Apply;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.Api.Schemas;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.CustomResources;
using Kaji.Store;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// The generic registry: one way of a write for every kind. decode → default → prepare → admission → validate → store, with compare-and-swap; what differs by kind is in
/// <see cref="KindBehavior"/>. Deletion in steps is in <see cref="Deletion"/>.
/// </summary>
internal sealed class ObjectRegistry(IRevisionStore store, IReadOnlyList<IAdmissionPlugin> admission, CustomCodec custom, TimeProvider time) : IObjectRegistry
{
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
    private const int GenerateAttempts = 8;
    private const int CasAttempts = 50;

    public IRevisionStore Store => store;

    public TimeProvider Time => time;

    /// <summary>What is served.</summary>
    public ResourceCatalog Catalog { get; } = new(store);

    public ResourceInfo? Find(string group, string version, string plural) => Catalog.Current.Find(group, version, plural);

    public ResourceInfo? FindKind(string group, string version, string kind) => Catalog.Current.All.FirstOrDefault(r => r.Group == group && r.Version == version && r.Kind == kind);

    public IReadOnlyList<ResourceInfo> VersionsOf(ResourceInfo resource) => [.. Catalog.Current.All.Where(r => r.Group == resource.Group && r.Plural == resource.Plural)];

    public JsonObject Convert(ResourceInfo from, ResourceInfo to, JsonObject obj) =>
        to.Custom is { } version ? Wait(custom.ConvertAsync(version, obj, default))
        : ReferenceEquals(from, to) ? obj
        : StorageVersions.FromStorage(to, StorageVersions.ToStorage(from, obj));

    public JsonObject? Get(ResourceInfo resource, string ns, string name) =>
        store.Get(KeyOf(resource, ns, name)) is { } entry ? Wait(ReadAsync(resource, entry, default)) : null;

    public IReadOnlyList<JsonObject> List(ResourceInfo resource, string ns = "") => Wait(ReadAsync(resource, store.Range(StorageKeys.Collection(StorageVersions.Of(resource), ns)).Entries, default));

    /// <summary>An entry as the object that the resource's clients see.</summary>
    public async ValueTask<JsonObject> ReadAsync(ResourceInfo resource, Entry entry, CancellationToken cancellationToken) => StorageVersions.FromStorage(resource, await StoredAsync(resource, entry, cancellationToken));

    /// <summary>As above, many: what a conversion webhook is asked, it is asked once.</summary>
    public async ValueTask<IReadOnlyList<JsonObject>> ReadAsync(ResourceInfo resource, IReadOnlyList<Entry> entries, CancellationToken cancellationToken) =>
        resource.Custom is { } version
            ? await custom.DecodeAsync(version, [.. entries.Select(e => e.Value)], cancellationToken)
            : [.. entries.Select(e => StorageVersions.FromStorage(resource, ObjectCodec.Stored(e.Value)))];

    /// <summary>An entry in the form in which writes handle it: of built-in kinds the stored one, of custom ones that of the version asked for.</summary>
    internal ValueTask<JsonObject> StoredAsync(ResourceInfo resource, Entry entry, CancellationToken cancellationToken) =>
        resource.Custom is { } version ? custom.DecodeAsync(version, entry.Value, cancellationToken) : ValueTask.FromResult(ObjectCodec.Stored(entry.Value));

    /// <summary>The bytes to store of an object in the form in which writes handle it.</summary>
    internal async ValueTask<(ReadOnlyMemory<byte> Value, int StampOffset)> BytesAsync(ResourceInfo resource, JsonObject obj, CancellationToken cancellationToken) =>
        ObjectCodec.ForStore(resource.Custom is { } version ? await custom.EncodeAsync(version, obj, cancellationToken) : obj);

    public Task<JsonObject> CreateAsync(ResourceInfo resource, string ns, JsonObject obj, UserInfo user, CancellationToken cancellationToken = default) =>
        CreateAsync(resource, ns, obj, user, WriteOptions.Internal, cancellationToken);

    public async Task<JsonObject> CreateAsync(ResourceInfo resource, string ns, JsonObject obj, UserInfo user, WriteOptions options, CancellationToken cancellationToken)
    {
        CheckTypeAndSchema(resource, obj, options);
        obj = StorageVersions.ToStorage(resource, obj);
        var stored = StorageVersions.Of(resource);
        var behavior = KindRegistry.BehaviorFor(stored);
        var metadata = obj.Ensure("metadata");
        CheckNamespace(resource, metadata, ns);
        if (metadata.Str("resourceVersion").Length > 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("resourceVersion should not be set on objects to be created"));
        }

        foreach (var field in (ReadOnlySpan<string>)["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"])
        {
            metadata.Remove(field);
        }

        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Timestamps.Format(time.GetUtcNow());
        if (behavior.HasGeneration)
        {
            metadata["generation"] = 1;
        }

        var generated = metadata.Str("name").Length == 0 && metadata.Str("generateName").Length > 0;
        for (var attempt = 1; ; attempt++)
        {
            if (generated)
            {
                metadata["name"] = Generate(metadata.Str("generateName"));
            }

            var candidate = generated ? (JsonObject)obj.DeepClone() : obj;
            var name = candidate.Obj("metadata").Str("name");
            behavior.Default(candidate);
            behavior.PrepareForCreate(candidate);
            Track(stored, "", null, candidate, options);
            var request = new AdmissionRequest(stored, "", "CREATE", ns, name, candidate, null, user, options.DryRun)
            {
                Requested = resource, Options = options.ToJson("CreateOptions"), Warn = options.Warn, Normalize = behavior.Normalize, AuditAnnotations = options.AuditAnnotations ?? new Dictionary<string, string>(StringComparer.Ordinal),
            };
            await MutateAsync(request, cancellationToken);
            behavior.Default(candidate);
            var errors = new List<FieldError>();
            MetadataValidation.Validate(candidate, stored, errors);
            behavior.Validate(candidate, errors);
            behavior.ValidateCreate(candidate, errors);
            Throw(resource, name, errors);
            Warn(behavior, candidate, null, options);
            await ValidateAsync(request, cancellationToken);
            if (options.DryRun)
            {
                return store.Get(KeyOf(resource, ns, name)) is null ? StorageVersions.FromStorage(resource, candidate) : throw new ApiErrorException(ApiErrors.AlreadyExists(resource, name));
            }

            var (value, offset) = await BytesAsync(stored, candidate, cancellationToken);
            var result = await store.WriteAsync(new Write(WriteKind.Create, KeyOf(resource, ns, name), value, 0, offset), cancellationToken);
            if (result.Outcome == WriteOutcome.Committed)
            {
                candidate.Obj("metadata")!["resourceVersion"] = Revision(result.Entry!);
                return StorageVersions.FromStorage(resource, candidate);
            }

            await UndoAsync(request);
            if (!generated || attempt == GenerateAttempts)
            {
                throw new ApiErrorException(ApiErrors.AlreadyExists(resource, name));
            }
        }
    }

    public Task<JsonObject> UpdateAsync(
        ResourceInfo resource, string ns, string name, string subresource, Func<JsonObject, bool> change, UserInfo user, CancellationToken cancellationToken = default) =>
        UpdateAsync(resource, ns, name, subresource, old => change(old) ? WithoutRevision(old) : null, user, WriteOptions.Internal, cancellationToken);

    /// <param name="change">Makes the wanted object of a copy of the present one (which it may change and return); null leaves it alone. Called again after a conflict.</param>
    public async Task<JsonObject> UpdateAsync(
        ResourceInfo resource, string ns, string name, string subresource, Func<JsonObject, JsonObject?> change, UserInfo user, WriteOptions options, CancellationToken cancellationToken)
    {
        var key = KeyOf(resource, ns, name);
        var stored = StorageVersions.Of(resource);
        for (var attempt = 1; ; attempt++)
        {
            var entry = store.Get(key) ?? throw new ApiErrorException(ApiErrors.NotFound(resource, name));
            var old = await StoredAsync(stored, entry, cancellationToken);
            var wanted = change(StorageVersions.FromStorage(resource, (JsonObject)old.DeepClone()));
            if (wanted is null)
            {
                return StorageVersions.FromStorage(resource, old);
            }

            CheckTypeAndSchema(resource, wanted, options);
            var obj = StorageVersions.ToStorage(resource, wanted);
            var said = obj.Obj("metadata").Str("resourceVersion");
            if (said.Length > 0 && said != Revision(entry))
            {
                throw new ApiErrorException(ApiErrors.Conflict(resource, name));
            }

            var request = await PrepareUpdateAsync(resource, stored, ns, name, subresource, obj, old, user, options, cancellationToken);
            if (JsonNode.DeepEquals(WithoutRevision(obj), WithoutRevision(old)) && (StorageVersions.IsStored(stored) || await IsAsStoredAsync(stored, obj, entry, cancellationToken)))
            {
                old.Obj("metadata")!["resourceVersion"] = Revision(entry);
                return StorageVersions.FromStorage(resource, old);
            }

            if (options.DryRun)
            {
                obj.Obj("metadata")!["resourceVersion"] = Revision(entry);
                return StorageVersions.FromStorage(resource, obj);
            }

            var result = Deletion.IsDue(stored, obj)
                ? await RemoveAsync(stored, key, obj, entry.Revision, cancellationToken)
                : await PutAsync(stored, key, obj, entry.Revision, cancellationToken);
            switch (result.Outcome)
            {
                case WriteOutcome.Committed:
                    obj.Obj("metadata")!["resourceVersion"] = Revision(result.Entry!);
                    return StorageVersions.FromStorage(resource, obj);
            }

            await UndoAsync(request);
            switch (result.Outcome)
            {
                case WriteOutcome.NotFound:
                    throw new ApiErrorException(ApiErrors.NotFound(resource, name));
                case var _ when said.Length > 0 || attempt == CasAttempts:
                    throw new ApiErrorException(ApiErrors.Conflict(resource, name));
            }
        }
    }

    public Task<JsonObject> DeleteAsync(ResourceInfo resource, string ns, string name, JsonObject? options, UserInfo user, CancellationToken cancellationToken = default) =>
        Deletion.DeleteAsync(this, resource, ns, name, options ?? [], user, dryRun: false, cancellationToken);

    internal async ValueTask<WriteResult> PutAsync(ResourceInfo resource, string key, JsonObject obj, long expected, CancellationToken cancellationToken)
    {
        var (value, offset) = await BytesAsync(resource, obj, cancellationToken);
        return await store.WriteAsync(new Write(WriteKind.Update, key, value, expected, offset), cancellationToken);
    }

    internal async ValueTask<WriteResult> RemoveAsync(ResourceInfo resource, string key, JsonObject obj, long expected, CancellationToken cancellationToken)
    {
        var (value, offset) = await BytesAsync(resource, obj, cancellationToken);
        return await store.WriteAsync(new Write(WriteKind.Delete, key, value, expected, offset), cancellationToken);
    }

    /// <summary>Admission of what is not stored by a create or an update: DELETE, CONNECT, and subresources that are only acted on.</summary>
    internal async Task AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        await MutateAsync(request, cancellationToken);
        await ValidateAsync(request, cancellationToken);
    }

    internal static string KeyOf(ResourceInfo resource, string ns, string name) => StorageKeys.Object(StorageVersions.Of(resource), ns, name);

    internal static string Revision(Entry entry) => entry.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static async Task UndoAsync(AdmissionRequest request)
    {
        foreach (var undo in request.Undo)
        {
            await undo();
        }
    }

    private async Task<AdmissionRequest> PrepareUpdateAsync(
        ResourceInfo resource, ResourceInfo stored, string ns, string name, string subresource, JsonObject obj, JsonObject old, UserInfo user, WriteOptions options, CancellationToken cancellationToken)
    {
        var behavior = KindRegistry.BehaviorFor(stored);
        var (metadata, oldMetadata) = (obj.Ensure("metadata"), old.Obj("metadata")!);
        if (metadata.Str("name") is { Length: > 0 } said && said != name)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"the name of the object ({said}) does not match the name on the URL ({name})"));
        }

        CheckNamespace(resource, metadata, ns);
        if (metadata.Str("uid") is { Length: > 0 } uid && uid != oldMetadata.Str("uid"))
        {
            throw new ApiErrorException(ApiErrors.Conflict(resource, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {oldMetadata.Str("uid")}"));
        }

        KeepIdentity(metadata, oldMetadata);

        metadata.Remove("selfLink");
        obj["apiVersion"] = old["apiVersion"]?.DeepClone();
        obj["kind"] = old["kind"]?.DeepClone();
        behavior.Default(obj);
        switch (subresource)
        {
            case "":
                behavior.PrepareForUpdate(obj, old);
                break;
            case "status":
                behavior.PrepareForStatusUpdate(obj, old);
                break;
            default:
                behavior.PrepareForSubresource(subresource, obj, old);
                break;
        }

        Track(stored, subresource, old, obj, options);
        var request = new AdmissionRequest(stored, subresource, "UPDATE", ns, name, obj, old, user, options.DryRun)
        {
            Requested = resource, Options = options.ToJson("UpdateOptions"), Warn = options.Warn, Normalize = behavior.Normalize, AuditAnnotations = options.AuditAnnotations ?? new Dictionary<string, string>(StringComparer.Ordinal),
        };
        await MutateAsync(request, cancellationToken);

        // A webhook's object may be another one: what nobody may change is as it was.
        metadata = obj.Ensure("metadata");
        KeepIdentity(metadata, oldMetadata);
        behavior.Default(obj);
        if (behavior.HasGeneration && subresource is not ("status" or "binding") && !JsonNode.DeepEquals(Desired(obj, behavior), Desired(old, behavior)))
        {
            metadata["generation"] = (oldMetadata.Int("generation") ?? 0) + 1;
        }

        var errors = new List<FieldError>();
        MetadataValidation.Validate(obj, stored, errors);
        MetadataValidation.ValidateUpdate(obj, old, errors);
        if (subresource == "status")
        {
            behavior.ValidateStatusUpdate(obj, old, errors);
        }
        else
        {
            if (!behavior.ComparesOnUpdate)
            {
                behavior.Validate(obj, errors);
            }

            if (subresource.Length == 0)
            {
                behavior.ValidateUpdate(obj, old, errors);
            }
            else
            {
                behavior.ValidateSubresource(subresource, obj, old, errors);
            }
        }

        Throw(resource, name, errors);
        if (subresource.Length == 0)
        {
            Warn(behavior, obj, old, options);
        }

        await ValidateAsync(request, cancellationToken);
        return request;
    }

    /// <summary>Says in <c>metadata.managedFields</c> whose the changes are: of the request, not of admission after it.</summary>
    private void Track(ResourceInfo stored, string subresource, JsonObject? old, JsonObject obj, WriteOptions options)
    {
        if (options.Applied)
        {
            return;
        }

        if (subresource == "binding")
        {
            // The scheduler's decision is the Pod's, nobody's field.
            obj.Ensure("metadata").CarryOver(old!.Obj("metadata")!, "managedFields");
            return;
        }

        if (obj.Obj("metadata")?["managedFields"] is { } said && subresource.Length == 0)
        {
            var errors = new List<FieldError>();
            FieldManager.Validate(said, errors);
            Throw(stored, obj.Obj("metadata").Str("name"), errors);
        }

        FieldManager.TrackUpdate(old, obj, ApplySchemas.Of(stored), ApplySchemas.WriteOf(stored, subresource, options.FieldManager, time.GetUtcNow()));
    }

    private static void Warn(KindBehavior behavior, JsonObject obj, JsonObject? old, WriteOptions options)
    {
        if (options.Warn is { } warn)
        {
            MetadataValidation.Warn(obj, old, warn);
            behavior.Warn(obj, old, warn);
        }
    }

    private static void KeepIdentity(JsonObject metadata, JsonObject old)
    {
        foreach (var field in (ReadOnlySpan<string>)["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"])
        {
            metadata.CarryOver(old, field);
        }
    }

    private async Task MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        foreach (var plugin in admission)
        {
            if (await plugin.MutateAsync(request, cancellationToken) is { } refusal)
            {
                throw new ApiErrorException(refusal);
            }
        }

        if (!request.Reinvocation.Begin(request.Object))
        {
            return;
        }

        foreach (var plugin in admission.Where(p => p.Reinvocable))
        {
            if (await plugin.MutateAsync(request, cancellationToken) is { } refusal)
            {
                throw new ApiErrorException(refusal);
            }
        }
    }

    private async Task ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        foreach (var plugin in admission)
        {
            if (await plugin.ValidateAsync(request, cancellationToken) is { } refusal)
            {
                throw new ApiErrorException(refusal);
            }
        }
    }

    private static void CheckTypeAndSchema(ResourceInfo resource, JsonObject obj, WriteOptions options)
    {
        var (kind, apiVersion) = (obj.Str("kind"), obj.Str("apiVersion"));
        if (ReferenceEquals(options, WriteOptions.Internal))
        {
            obj["kind"] = resource.Kind;
            obj["apiVersion"] = resource.ApiVersion;
            return;
        }

        // What the body does not say, the address has said.
        if (kind.Length == 0)
        {
            obj["kind"] = kind = resource.Kind;
        }

        if (apiVersion.Length == 0)
        {
            obj["apiVersion"] = apiVersion = resource.ApiVersion;
        }

        if (kind != resource.Kind || apiVersion != resource.ApiVersion)
        {
            throw new ApiErrorException(ApiErrors.BadRequest(
                $"the API version in the data ({apiVersion}, kind {kind}) does not match the expected API version ({resource.ApiVersion}, kind {resource.Kind})"));
        }

        var findings = resource.Custom is { } version ? new SchemaFindings(CustomCodec.Check(version, obj), null) : SchemaChecker.Check(obj, BuiltInSchemas.NameOf(resource.Group, resource.Version, resource.Kind));
        if (findings.TypeError is { } wrong)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: {wrong}"));
        }

        findings.RemoveUnset();
        IReadOnlyList<string> strict = options.Duplicates.Count == 0 ? findings.UnknownFields : [.. findings.UnknownFields, .. options.Duplicates];
        if (strict.Count == 0)
        {
            return;
        }

        switch (options.FieldValidation)
        {
            case "Strict":
                throw new ApiErrorException(ApiErrors.BadRequest(
                    $"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: strict decoding error: {string.Join(", ", strict)}"));
            case "Warn":
                foreach (var finding in strict)
                {
                    options.Warn?.Invoke(finding);
                }

                break;
        }

        findings.RemoveUnknown();
    }

    private static void CheckNamespace(ResourceInfo resource, JsonObject metadata, string ns)
    {
        if (!resource.Namespaced)
        {
            metadata.Remove("namespace");
            return;
        }

        if (metadata.Str("namespace") is { Length: > 0 } said && said != ns)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("the namespace of the provided object does not match the namespace sent on the request"));
        }

        metadata["namespace"] = ns;
    }

    private static void Throw(ResourceInfo resource, string name, List<FieldError> errors)
    {
        if (errors.Count > 0)
        {
            throw new ApiErrorException(ApiErrors.Invalid(resource.Group, resource.Kind, name, errors));
        }
    }

    /// <summary>Whether writing would change nothing: a custom object may be stored in an older version, or from before its schema's defaults.</summary>
    private async ValueTask<bool> IsAsStoredAsync(ResourceInfo stored, JsonObject obj, Entry entry, CancellationToken cancellationToken)
    {
        if (stored.Custom is not { } version)
        {
            return true;
        }

        var encoded = (JsonObject)(await custom.EncodeAsync(version, obj, cancellationToken)).DeepClone();
        return JsonNode.DeepEquals(WithoutRevision(encoded), WithoutRevision(ObjectCodec.Stored(entry.Value)));
    }

    /// <summary>Ends at once, unless a conversion webhook has to be asked.</summary>
    private static T Wait<T>(ValueTask<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    private static JsonObject WithoutRevision(JsonObject obj)
    {
        obj.Obj("metadata")!.Remove("resourceVersion");
        return obj;
    }

    private static JsonObject Desired(JsonObject obj, KindBehavior behavior) => new(obj.Where(p => p.Key is not ("metadata" or "kind" or "apiVersion") && !(p.Key == "status" && behavior.StatusIsApart)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));

    private static string Generate(string prefix) => (prefix.Length > 58 ? prefix[..58] : prefix) + RandomNumberGenerator.GetString(NameAlphabet, 5);
}
