using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Audit;

/// <summary>
/// What is noted of one request while it is answered (audit.k8s.io/v1 Event). Stations find it in the request's features and add what they know; where nothing is audited there is none, and nothing is done.
/// </summary>
internal sealed class AuditRecord(AuditLog log, AuditPolicy.Rule rule, HttpContext context, RequestInfo info, UserInfo user, TimeProvider time)
{
    private static readonly string[] Managed = ["metadata", "managedFields"];
    private readonly DateTimeOffset _received = time.GetUtcNow();
    private ReadOnlyMemory<byte> _request;
    private ReadOnlyMemory<byte> _response;

    public string Id { get; } = context.Request.Headers["Audit-ID"].ToString() is { Length: > 0 and <= 64 } given ? given : Guid.NewGuid().ToString();

    /// <summary>By whom it was answered, and what admission has to say.</summary>
    public IDictionary<string, string> Annotations { get; } = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Whether the answer's body is wanted.</summary>
    public bool WantsResponse => rule.Level == AuditLevel.RequestResponse;

    /// <summary>As whom the user asked to be treated.</summary>
    public UserInfo? Impersonated { get; set; }

    public static AuditRecord? Of(HttpContext context) => context.Features.Get<AuditRecord>();

    public void Decided(Decision decision)
    {
        Annotations["authorization.k8s.io/decision"] = decision.Allowed ? "allow" : "forbid";
        Annotations["authorization.k8s.io/reason"] = decision.Reason;
    }

    /// <summary>The body of the request, as JSON.</summary>
    public void Took(ReadOnlyMemory<byte> json)
    {
        if (rule.Level >= AuditLevel.Request)
        {
            _request = json;
        }
    }

    /// <summary>The body of the answer, as JSON.</summary>
    public void Gave(ReadOnlyMemory<byte> json)
    {
        if (WantsResponse)
        {
            _response = json;
        }
    }

    public ValueTask StageAsync(string stage) => rule.OmitStages.Contains(stage, StringComparer.Ordinal) ? ValueTask.CompletedTask : log.AddAsync(Line(stage));

    private byte[] Line(string stage)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            w.WriteStartObject();
            w.WriteString("kind", "Event");
            w.WriteString("apiVersion", "audit.k8s.io/v1");
            w.WriteString("level", rule.Level.ToString());
            w.WriteString("auditID", Id);
            w.WriteString("stage", stage);
            w.WriteString("requestURI", context.Request.Path.ToUriComponent() + context.Request.QueryString.ToUriComponent());
            w.WriteString("verb", info.Verb);
            User(w, "user", user);
            if (Impersonated is { } other)
            {
                User(w, "impersonatedUser", other);
            }

            w.WriteStartArray("sourceIPs");
            w.WriteStringValue(context.Connection.RemoteIpAddress?.ToString() ?? "127.0.0.1");
            w.WriteEndArray();
            if (context.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent)
            {
                w.WriteString("userAgent", agent);
            }

            if (info.IsResourceRequest)
            {
                Target(w);
            }

            if (stage != "RequestReceived")
            {
                w.WriteStartObject("responseStatus");
                w.WriteStartObject("metadata");
                w.WriteEndObject();
                w.WriteNumber("code", context.Response.StatusCode);
                w.WriteEndObject();
                Body(w, "requestObject", _request);
                Body(w, "responseObject", _response);
            }

            w.WriteString("requestReceivedTimestamp", Timestamps.FormatMicro(_received));
            w.WriteString("stageTimestamp", Timestamps.FormatMicro(time.GetUtcNow()));
            if (Annotations.Count > 0 && stage != "RequestReceived")
            {
                w.WriteStartObject("annotations");
                foreach (var (key, value) in Annotations.OrderBy(a => a.Key, StringComparer.Ordinal))
                {
                    w.WriteString(key, value);
                }

                w.WriteEndObject();
            }

            w.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void User(Utf8JsonWriter w, string name, UserInfo user)
    {
        w.WriteStartObject(name);
        w.WriteString("username", user.Name);
        if (user.Uid.Length > 0)
        {
            w.WriteString("uid", user.Uid);
        }

        w.WriteStartArray("groups");
        foreach (var group in user.Groups)
        {
            w.WriteStringValue(group);
        }

        w.WriteEndArray();
        if (user.Extra.Count > 0)
        {
            w.WriteStartObject("extra");
            foreach (var (key, values) in user.Extra)
            {
                w.WriteStartArray(key);
                foreach (var value in values)
                {
                    w.WriteStringValue(value);
                }

                w.WriteEndArray();
            }

            w.WriteEndObject();
        }

        w.WriteEndObject();
    }

    private void Target(Utf8JsonWriter w)
    {
        w.WriteStartObject("objectRef");
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("resource", info.Resource), ("namespace", info.Namespace), ("name", info.Name), ("apiGroup", info.Group), ("apiVersion", info.Version), ("subresource", info.Subresource)])
        {
            if (value.Length > 0)
            {
                w.WriteString(name, value);
            }
        }

        w.WriteEndObject();
    }

    private void Body(Utf8JsonWriter w, string name, ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return;
        }

        try
        {
            var node = JsonNode.Parse(json.Span);
            if (rule.OmitManagedFields && node is JsonObject obj)
            {
                foreach (var one in obj.Items("items").Prepend(obj))
                {
                    (one[Managed[0]] as JsonObject)?.Remove(Managed[1]);
                }
            }

            w.WritePropertyName(name);
            node?.WriteTo(w);
        }
        catch (JsonException)
        {
            // The client sent no JSON, and was told so: what it sent is not an object to note.
            w.WriteNull(name);
        }
    }
}
