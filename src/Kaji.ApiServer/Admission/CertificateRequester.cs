using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission;

/// <summary>Writes down who asks for a certificate: signers decide by it, so nobody may say it of himself.</summary>
public sealed class CertificateRequester : IAdmissionPlugin
{
    public string Name => "CertificateRequester";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "certificates.k8s.io", Plural: "certificatesigningrequests" }, Object: { } asked })
        {
            var (spec, user) = (asked.Ensure("spec"), request.User);
            spec["username"] = user.Name;
            spec["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]);
            Set(spec, "uid", user.Uid.Length > 0 ? user.Uid : null);
            Set(spec, "extra", user.Extra.Count > 0 ? new JsonObject([.. user.Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)new JsonArray([.. e.Value.Select(v => (JsonNode)v)])))]) : null);
        }

        return ValueTask.FromResult<ApiError?>(null);
    }

    private static void Set(JsonObject spec, string field, JsonNode? value)
    {
        spec.Remove(field);
        if (value is not null)
        {
            spec[field] = value;
        }
    }
}
