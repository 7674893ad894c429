using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Storage;

/// <summary>StorageClass: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/storage-class-v1/</summary>
internal sealed class StorageClassKind : KindBehavior
{
    public override void Default(JsonObject obj)
    {
        obj.Default("reclaimPolicy", "Delete");
        obj.Default("volumeBindingMode", "Immediate");
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var storage = new Fields(obj, "", errors);
        Provisioner(storage, "provisioner");
        Parameters(storage, required: false);
        storage.OneOf("reclaimPolicy", "Delete", "Retain");
        storage.RequiredOneOf("volumeBindingMode", "Immediate", "WaitForFirstConsumer");
        foreach (var topology in storage.Items("allowedTopologies"))
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var expression in topology.Items("matchLabelExpressions"))
            {
                if (!expression.HasAny("values"))
                {
                    expression.Required("values");
                }

                expression.LabelName("key");
                if (!keys.Add(expression.Str("key")))
                {
                    expression.Duplicate("key", expression.Str("key"));
                }
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        foreach (var field in (ReadOnlySpan<string>)["parameters", "provisioner", "reclaimPolicy"])
        {
            if (!JsonNode.DeepEquals(obj[field], old[field]))
            {
                errors.Forbidden(field, $"updates to {field} are forbidden.");
            }
        }

        new Fields(obj, "", errors).Same("volumeBindingMode", old);
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        foreach (var topology in new Fields(obj, "", []).Items("allowedTopologies"))
        {
            foreach (var expression in topology.Items("matchLabelExpressions"))
            {
                if (NodeLabels.Deprecated(expression.Str("key")) is { } message)
                {
                    warn($"{expression.At("key")}: {expression.Str("key")} is {message}");
                }
            }
        }
    }

    /// <summary>The name of a provisioner or driver.</summary>
    public static void Provisioner(Fields owner, string field) => owner.RequiredRule(field, name => Names.QualifiedNameErrors(name.ToLowerInvariant()));

    /// <summary>A driver's parameters: at most 512, 256 KiB together.</summary>
    public static void Parameters(Fields owner, bool required)
    {
        var parameters = owner.Object.Obj("parameters") ?? [];
        if (required && parameters.Count == 0)
        {
            owner.Required("parameters", "must contain at least one key/value pair");
        }

        if (parameters.Count > 512)
        {
            owner.Errors.TooLong(owner.At("parameters"), 512);
            return;
        }

        if (parameters.ContainsKey(""))
        {
            owner.Invalid("parameters", "", "field can not be empty.");
        }

        if (parameters.Sum(p => Encoding.UTF8.GetByteCount(p.Key) + Encoding.UTF8.GetByteCount(p.Value.Text())) > 256 * 1024)
        {
            owner.Errors.TooLong(owner.At("parameters"), 256 * 1024);
        }
    }
}
