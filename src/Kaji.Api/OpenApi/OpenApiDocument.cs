using System.Text.Json;
using Kaji.Api.Kinds;

namespace Kaji.Api.OpenApi;

/// <summary>
/// The documents that say what the API is: v3 for a group version, v2 for everything. kubectl reads them for <c>explain</c>, merge keys and client-side validation; generators make clients from them.
/// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
/// </summary>
public static class OpenApiDocument
{
    /// <summary>The path of a group version's document below <c>/openapi/v3/</c>.</summary>
    public static string PathOf(string group, string version) => group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";

    /// <summary>Writes the v3 document of a group version that has these resources.</summary>
    /// <param name="version">Of the server.</param>
    public static void WriteV3(Utf8JsonWriter w, IReadOnlyList<ResourceInfo> resources, string version)
    {
        var schemas = new OpenApiSchemas(w, v3: true, Descriptions.Load(), resources);
        w.WriteStartObject();
        w.WriteString("openapi", "3.0.0");
        Info(w, version);
        w.WriteStartObject("paths");
        new OpenApiPaths(w, schemas, v3: true).Write(resources);
        w.WriteEndObject();
        w.WriteStartObject("components");
        w.WriteStartObject("schemas");
        schemas.WriteAll();
        w.WriteEndObject();
        w.WriteStartObject("securitySchemes");
        BearerToken(w);
        w.WriteEndObject();
        w.WriteEndObject();
        w.WriteEndObject();
    }

    /// <summary>Writes the v2 document of all resources.</summary>
    /// <param name="version">Of the server.</param>
    public static void WriteV2(Utf8JsonWriter w, IReadOnlyList<ResourceInfo> resources, string version)
    {
        var schemas = new OpenApiSchemas(w, v3: false, Descriptions.Load(), resources);
        w.WriteStartObject();
        w.WriteString("swagger", "2.0");
        Info(w, version);
        w.WriteStartObject("paths");
        var paths = new OpenApiPaths(w, schemas, v3: false);
        paths.WriteRoots(resources);
        paths.Write(resources);
        w.WriteEndObject();
        w.WriteStartObject("definitions");
        schemas.WriteAll();
        w.WriteEndObject();
        w.WriteStartObject("securityDefinitions");
        BearerToken(w);
        w.WriteEndObject();
        w.WriteStartArray("security");
        w.WriteStartObject();
        w.WriteStartArray("BearerToken");
        w.WriteEndArray();
        w.WriteEndObject();
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Info(Utf8JsonWriter w, string version)
    {
        w.WriteStartObject("info");
        w.WriteString("title", "Kubernetes");
        w.WriteString("version", version);
        w.WriteEndObject();
    }

    private static void BearerToken(Utf8JsonWriter w)
    {
        w.WriteStartObject("BearerToken");
        w.WriteString("description", "Bearer Token authentication");
        w.WriteString("type", "apiKey");
        w.WriteString("name", "authorization");
        w.WriteString("in", "header");
        w.WriteEndObject();
    }
}
