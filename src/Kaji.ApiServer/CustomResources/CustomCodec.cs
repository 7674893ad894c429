using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// Custom objects between the store and the version that a request names: stored in the storage version of the day they were written, read in any, pruned and defaulted by the schema
/// as it is now.
/// </summary>
internal sealed class CustomCodec(WebhookClient webhooks)
{
    private const string MetadataDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    /// <summary>Stored objects as a version has them.</summary>
    public async ValueTask<IReadOnlyList<JsonObject>> DecodeAsync(CustomVersion version, IReadOnlyList<ReadOnlyMemory<byte>> stored, CancellationToken cancellationToken)
    {
        var objects = stored.Select(ObjectCodec.Stored).ToArray();
        if (version.Definition.NeverChanged && version.IsStorage)
        {
            return objects;
        }

        await ConvertAsync(version, objects, cancellationToken);
        foreach (var obj in objects)
        {
            Normalize(version, obj);
        }

        return objects;
    }

    /// <summary>As above, one.</summary>
    public async ValueTask<JsonObject> DecodeAsync(CustomVersion version, ReadOnlyMemory<byte> stored, CancellationToken cancellationToken) =>
        (await DecodeAsync(version, [stored], cancellationToken))[0];

    /// <summary>An object of a version as it is stored: another object when the versions differ.</summary>
    public async ValueTask<JsonObject> EncodeAsync(CustomVersion version, JsonObject obj, CancellationToken cancellationToken)
    {
        var storage = version.Definition.Storage;
        if (ReferenceEquals(version, storage) || obj.Str("apiVersion") == storage.Resource.ApiVersion)
        {
            return obj;
        }

        JsonObject[] one = [(JsonObject)obj.DeepClone()];
        await ConvertAsync(storage, one, cancellationToken);
        Pruning.Prune(one[0], storage.Schema);
        return one[0];
    }

    /// <summary>An object of one version as another has it; may change the one given.</summary>
    public async ValueTask<JsonObject> ConvertAsync(CustomVersion to, JsonObject obj, CancellationToken cancellationToken)
    {
        JsonObject[] one = [obj];
        await ConvertAsync(to, one, cancellationToken);
        return one[0];
    }

    /// <summary>Makes a request's object one of the version: prunes it and says what it had to drop, refuses metadata that is none.</summary>
    /// <exception cref="ApiErrorException">400.</exception>
    public static List<string> Check(CustomVersion version, JsonObject obj)
    {
        var unknown = new List<string>();
        Pruning.Prune(obj, version.Schema, unknown);
        Pruning.DropNulls(obj, version.Schema);
        var findings = unknown.ConvertAll(path => $"unknown field \"{path}\"");
        if (obj["metadata"] is { } said)
        {
            if (said is not JsonObject metadata)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"{version.Definition.Kind} in version \"{version.Name}\" cannot be handled as a {version.Definition.Kind}: metadata: Invalid value: must be an object"));
            }

            var of = SchemaChecker.Check(metadata, MetadataDefinition);
            if (of.TypeError is { } wrong)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"{version.Definition.Kind} in version \"{version.Name}\" cannot be handled as a {version.Definition.Kind}: {wrong}"));
            }

            of.RemoveUnset();
            if (of.UnknownFields.Count > 0)
            {
                of.RemoveUnknown();
                findings.AddRange(of.UnknownFields.Select(f => f.Replace("unknown field \"", "unknown field \"metadata.", StringComparison.Ordinal)));
            }
        }

        return findings;
    }

    private static void Normalize(CustomVersion version, JsonObject obj)
    {
        if (!version.Definition.PreservesUnknown)
        {
            Pruning.Prune(obj, version.Schema);
            Pruning.DropNulls(obj, version.Schema);
        }

        Defaulting.Apply(obj, version.Schema);
    }

    /// <summary>Replaces objects of other versions in the array by what they are in this one.</summary>
    private async ValueTask ConvertAsync(CustomVersion to, JsonObject[] objects, CancellationToken cancellationToken)
    {
        var apiVersion = to.Resource.ApiVersion;
        if (to.Definition.Conversion.Str("strategy") == "Webhook")
        {
            var others = Enumerable.Range(0, objects.Length).Where(i => objects[i].Str("apiVersion") != apiVersion).ToArray();
            if (others.Length == 0)
            {
                return;
            }

            // What a webhook is shown is complete in its own version, and so is what it gives back.
            foreach (var i in others)
            {
                if (to.Definition.Version(objects[i].Str("apiVersion").Split('/')[^1]) is { } from)
                {
                    Normalize(from, objects[i]);
                }
            }

            var converted = await WebhookConversion.ConvertAsync(webhooks, to, [.. others.Select(i => objects[i])], cancellationToken);
            for (var i = 0; i < others.Length; i++)
            {
                objects[others[i]] = converted[i];
            }

            return;
        }

        foreach (var obj in objects)
        {
            obj["apiVersion"] = apiVersion;
        }
    }
}
