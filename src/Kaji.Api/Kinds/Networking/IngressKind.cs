using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Networking;

/// <summary>Ingress: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/</summary>
internal sealed class IngressKind : StatusKind
{
    private const string ClassAnnotation = "kubernetes.io/ingress.class";
    private static readonly string[] Sequences = ["//", "/./", "/../", "%2f", "%2F"];
    private static readonly string[] Suffixes = ["/..", "/."];

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        if (!spec.HasAny("rules") && !spec.Has("defaultBackend"))
        {
            errors.Invalid("spec", spec.Object["rules"] ?? new JsonArray(), "either `defaultBackend` or `rules` must be specified");
        }

        if (spec.Sub("defaultBackend") is { } backend)
        {
            Backend(backend);
        }

        foreach (var rule in spec.Items("rules"))
        {
            Rule(rule);
        }

        foreach (var tls in spec.Items("tls"))
        {
            var hosts = tls.Strings("hosts");
            for (var i = 0; i < hosts.Length; i++)
            {
                foreach (var problem in hosts[i].Contains('*') ? Names.WildcardSubdomainErrors(hosts[i]) : Names.Dns1123SubdomainErrors(hosts[i]))
                {
                    errors.Invalid(tls.At("hosts", i), hosts[i], problem);
                }
            }

            tls.Rule("secretName", Names.Dns1123SubdomainErrors);
        }

        if (spec.Has("ingressClassName"))
        {
            foreach (var problem in Names.Dns1123SubdomainErrors(spec.Str("ingressClassName")))
            {
                spec.Invalid("ingressClassName", spec.Str("ingressClassName"), problem);
            }
        }
    }

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
        var annotation = obj.Obj("metadata").Obj("annotations").Str(ClassAnnotation);
        if (annotation.Length > 0 && obj.Obj("spec")?["ingressClassName"] is { } name && name.Text() != annotation)
        {
            errors.Invalid($"annotations.{ClassAnnotation}", annotation, "must match `ingressClassName` when both are specified");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (obj.Obj("metadata").Obj("annotations")?.ContainsKey(ClassAnnotation) == true)
        {
            warn($"annotation \"{ClassAnnotation}\" is deprecated, please use 'spec.ingressClassName' instead");
        }
    }

    private static void Rule(Fields rule)
    {
        if (rule.Str("host") is { Length: > 0 } host)
        {
            if (System.Net.IPAddress.TryParse(host, out _))
            {
                rule.Invalid("host", host, "must be a DNS name, not an IP address");
            }

            foreach (var problem in host.Contains('*') ? Names.WildcardSubdomainErrors(host) : Names.Dns1123SubdomainErrors(host))
            {
                rule.Invalid("host", host, problem);
            }
        }

        if (rule.Sub("http") is not { } http)
        {
            return;
        }

        if (!http.HasAny("paths"))
        {
            http.Required("paths");
        }

        foreach (var path in http.Items("paths"))
        {
            Path(path);
        }
    }

    private static void Path(Fields path)
    {
        if (!path.Has("pathType"))
        {
            path.Required("pathType", "pathType must be specified");
            return;
        }

        var text = path.Str("path");
        switch (path.Str("pathType"))
        {
            case "Exact" or "Prefix":
                if (!text.StartsWith('/'))
                {
                    path.Invalid("path", text, "must be an absolute path");
                }

                if (text.Length > 0)
                {
                    foreach (var sequence in Sequences.Where(s => text.Contains(s, StringComparison.Ordinal)))
                    {
                        path.Invalid("path", text, $"must not contain '{sequence}'");
                    }

                    foreach (var suffix in Suffixes.Where(s => text.EndsWith(s, StringComparison.Ordinal)))
                    {
                        path.Invalid("path", text, $"cannot end with '{suffix}'");
                    }
                }

                break;
            case "ImplementationSpecific":
                if (text.Length > 0 && text[0] != '/')
                {
                    path.Invalid("path", text, "must be an absolute path");
                }

                break;
            default:
                path.NotSupported("pathType", path.Str("pathType"), "Exact", "ImplementationSpecific", "Prefix");
                break;
        }

        Backend(path.Of("backend"));
    }

    private static void Backend(Fields backend)
    {
        var (resource, service) = (backend.Sub("resource"), backend.Sub("service"));
        if (resource is not null && service is not null)
        {
            backend.Errors.Invalid(backend.Path, "", "cannot set both resource and service backends");
        }
        else if (resource is not null)
        {
            resource.Rule("apiGroup", Names.Dns1123SubdomainErrors);
            resource.RequiredRule("kind", Names.PathSegmentErrors);
            resource.RequiredRule("name", Names.PathSegmentErrors);
        }
        else if (service is null)
        {
            backend.Errors.Required(backend.Path, "port name or number is required");
        }
        else
        {
            service.RequiredRule("name", Names.Dns1035LabelErrors);
            var port = service.Of("port");
            var (name, number) = (port.Str("name").Length > 0, port.Int("number") is not (null or 0));
            if (name && number)
            {
                service.Errors.Invalid(backend.Path, "", "cannot set both port name & port number");
            }
            else if (name)
            {
                foreach (var problem in Names.PortNameErrors(port.Str("name")))
                {
                    port.Invalid("name", port.Str("name"), problem);
                }
            }
            else if (number)
            {
                port.Port("number");
            }
            else
            {
                backend.Errors.Required(backend.Path, "port name or number is required");
            }
        }
    }
}
