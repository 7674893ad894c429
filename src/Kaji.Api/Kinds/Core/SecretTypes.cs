using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Core;

/// <summary>What Secrets of the types that Kubernetes knows must hold. https://kubernetes.io/docs/concepts/configuration/secret/#secret-types</summary>
internal static class SecretTypes
{
    private const string Account = "kubernetes.io/service-account.name";

    public static void Validate(JsonObject secret, ICollection<FieldError> errors)
    {
        var data = secret.Obj("data") ?? [];
        switch (secret.Str("type"))
        {
            case "kubernetes.io/service-account-token":
                if (secret.Obj("metadata").Obj("annotations").Str(Account).Length == 0)
                {
                    errors.Required($"metadata.annotations[{Account}]");
                }

                break;
            case "kubernetes.io/dockercfg":
                Json(data, ".dockercfg", errors);
                break;
            case "kubernetes.io/dockerconfigjson":
                Json(data, ".dockerconfigjson", errors);
                break;
            case "kubernetes.io/basic-auth":
                if (!data.ContainsKey("username") && !data.ContainsKey("password"))
                {
                    errors.Required("data[username]");
                    errors.Required("data[password]");
                }

                break;
            case "kubernetes.io/ssh-auth":
                if (data.Str("ssh-privatekey").Length == 0)
                {
                    errors.Required("data[ssh-privatekey]");
                }

                break;
            case "kubernetes.io/tls":
                foreach (var key in (ReadOnlySpan<string>)["tls.crt", "tls.key"])
                {
                    if (!data.ContainsKey(key))
                    {
                        errors.Required($"data[{key}]");
                    }
                }

                break;
        }
    }

    private static void Json(JsonObject data, string key, ICollection<FieldError> errors)
    {
        var bytes = new byte[data.Str(key).Length];
        if (!data.ContainsKey(key))
        {
            errors.Required($"data[{key}]");
        }
        else if (!Convert.TryFromBase64String(data.Str(key), bytes, out var length) || !IsJson(bytes.AsSpan(0, length)))
        {
            errors.Invalid($"data[{key}]", "<secret contents redacted>", "invalid character in the JSON of the registry's credentials");
        }
    }

    private static bool IsJson(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        try
        {
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.TrySkip();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
