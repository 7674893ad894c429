using System.Text.Json;

namespace Kaji.Api.Errors;

/// <summary>metav1.Status as JSON.</summary>
public static class StatusJson
{
    /// <summary>Sentences quote much: escaped quotes only, no \\u0022.</summary>
    private static readonly JsonWriterOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Bytes(ApiError error)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Readable))
        {
            Write(writer, error);
        }

        return stream.ToArray();
    }

    public static void Write(Utf8JsonWriter w, ApiError error)
    {
        w.WriteStartObject();
        w.WriteString("kind", "Status");
        w.WriteString("apiVersion", "v1");
        w.WriteStartObject("metadata");
        Optional(w, "continue", error.Continue);
        w.WriteEndObject();
        w.WriteString("status", "Failure");
        w.WriteString("message", error.Message);
        w.WriteString("reason", error.Reason);
        if (error.Name is not null || error.Kind is not null || error.Causes.Count > 0 || error.RetryAfterSeconds > 0 || error.Uid is not null)
        {
            w.WriteStartObject("details");
            Optional(w, "name", error.Name);
            Optional(w, "group", error.Group);
            Optional(w, "kind", error.Kind);
            Optional(w, "uid", error.Uid);
            if (error.Causes.Count > 0)
            {
                w.WriteStartArray("causes");
                foreach (var cause in error.Causes)
                {
                    w.WriteStartObject();
                    w.WriteString("reason", cause.Reason);
                    w.WriteString("message", cause.Message);
                    w.WriteString("field", cause.Field);
                    w.WriteEndObject();
                }

                w.WriteEndArray();
            }

            if (error.RetryAfterSeconds > 0)
            {
                w.WriteNumber("retryAfterSeconds", error.RetryAfterSeconds);
            }

            w.WriteEndObject();
        }

        w.WriteNumber("code", error.Code);
        w.WriteEndObject();
    }

    private static void Optional(Utf8JsonWriter w, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            w.WriteString(name, value);
        }
    }
}
