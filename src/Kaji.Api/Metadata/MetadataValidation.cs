using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.Api.Metadata;

/// <summary>What holds for metadata of every kind.</summary>
public static class MetadataValidation
{
    private const int MaxAnnotationBytes = 256 * 1024;

    /// <summary>Adds what is wrong with an object's metadata.</summary>
    public static void Validate(JsonObject obj, ResourceInfo resource, ICollection<FieldError> errors)
    {
        if (obj["metadata"] is not JsonObject metadata)
        {
            errors.Required("metadata.name", "name or generateName is required");
            return;
        }

        var name = (string?)metadata["name"] ?? "";
        if (name.Length == 0)
        {
            errors.Required("metadata.name", "name or generateName is required");
        }

        foreach (var problem in NameErrors(resource, name))
        {
            errors.Invalid("metadata.name", name, problem);
        }

        if (metadata["labels"] is JsonObject labels)
        {
            foreach (var (key, value) in labels)
            {
                foreach (var problem in Names.QualifiedNameErrors(key))
                {
                    errors.Invalid("metadata.labels", key, problem);
                }

                foreach (var problem in Names.LabelValueErrors((string?)value ?? ""))
                {
                    errors.Invalid("metadata.labels", (string?)value ?? "", problem);
                }
            }
        }

        if (metadata["annotations"] is JsonObject annotations)
        {
            var size = 0;
            foreach (var (key, value) in annotations)
            {
                foreach (var problem in Names.QualifiedNameErrors(key.ToLowerInvariant()))
                {
                    errors.Invalid("metadata.annotations", key, problem);
                }

                size += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount((string?)value ?? "");
            }

            if (size > MaxAnnotationBytes)
            {
                errors.TooLong("metadata.annotations", MaxAnnotationBytes);
            }
        }

        if (metadata["finalizers"] is JsonArray finalizers)
        {
            foreach (var finalizer in finalizers.Select(f => (string?)f ?? ""))
            {
                foreach (var problem in Names.QualifiedNameErrors(finalizer))
                {
                    errors.Invalid("metadata.finalizers", finalizer, problem);
                }
            }
        }

        if (metadata["finalizers"] is JsonArray both && both.Any(f => f.Text() == "orphan") && both.Any(f => f.Text() == "foregroundDeletion"))
        {
            errors.Invalid("metadata.finalizers", both, "finalizer orphan and foregroundDeletion cannot be both set");
        }

        if (metadata["ownerReferences"] is JsonArray owners)
        {
            Owners(owners, errors);
        }
    }

    /// <summary>What holds for changes: an object that is being deleted is held up by nobody new.</summary>
    public static void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (old.Obj("metadata")?["deletionTimestamp"] is null || obj.Obj("metadata")?["finalizers"] is not JsonArray { Count: > 0 } now)
        {
            return;
        }

        var before = (old.Obj("metadata")?["finalizers"] as JsonArray ?? []).Select(f => f.Text()).ToHashSet(StringComparer.Ordinal);
        var added = now.Select(f => f.Text()).Where(f => !before.Contains(f)).Order(StringComparer.Ordinal).ToArray();
        if (added.Length > 0)
        {
            errors.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", added.Select(f => $"\"{f}\""))}}}");
        }
    }

    /// <summary>A new finalizer that is not of a domain may clash with another's.</summary>
    public static void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (obj.Obj("metadata")?["finalizers"] is not JsonArray { Count: > 0 } finalizers)
        {
            return;
        }

        var before = (old.Obj("metadata")?["finalizers"] as JsonArray ?? []).Select(f => f.Text()).ToHashSet(StringComparer.Ordinal);
        foreach (var finalizer in finalizers.Select(f => f.Text()).Where(f => !f.Contains('/', StringComparison.Ordinal) && f is not ("orphan" or "foregroundDeletion" or "kubernetes") && !before.Contains(f)))
        {
            warn($"metadata.finalizers: \"{finalizer}\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers");
        }
    }

    private static void Owners(JsonArray owners, ICollection<FieldError> errors)
    {
        var controllers = 0;
        for (var i = 0; i < owners.Count; i++)
        {
            foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind", "name", "uid"])
            {
                if (string.IsNullOrEmpty((string?)owners[i]?[field]))
                {
                    errors.Invalid($"metadata.ownerReferences.{field}", "", $"{(field == "apiVersion" ? "version" : field)} must not be empty");
                }
            }

            controllers += (bool?)owners[i]?["controller"] == true ? 1 : 0;
        }

        if (controllers > 1)
        {
            errors.Invalid("metadata.ownerReferences", controllers, "Only one reference can have Controller set to true.");
        }
    }

    private static IReadOnlyList<string> NameErrors(ResourceInfo resource, string name) => name.Length == 0 ? [] : resource.Group switch
    {
        "rbac.authorization.k8s.io" or "apiregistration.k8s.io" => Names.PathSegmentErrors(name),
        "" when resource.Plural is "namespaces" => Names.Dns1123LabelErrors(name),
        "" when resource.Plural is "services" => Names.Dns1035LabelErrors(name),
        "networking.k8s.io" when resource.Plural is "ipaddresses" => Names.PathSegmentErrors(name),
        "certificates.k8s.io" => Names.PathSegmentErrors(name),
        "flowcontrol.apiserver.k8s.io" => Names.Dns1123SubdomainErrors(name),
        _ => Names.Dns1123SubdomainErrors(name),
    };
}
