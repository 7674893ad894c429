using System.Globalization;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Bots.Install;

/// <summary>Brings the bots' kinds, the rules about claims and releases and the operator's rights to a cluster, by server-side apply: what is there already stays as it is.</summary>
public static class BotInstaller
{
    /// <summary>
    /// Raised with each change of the kinds' schemas that an older operator would damage by going back behind it; a cluster with a higher one has a newer operator. What only
    /// tightens (a rule, a bound) reaches installed kinds without it: they are applied at each start.
    /// </summary>
    private const int Schema = 1;
    private const string SchemaAnnotation = BotNames.Group + "/schema";

    private static readonly (string File, string Path)[] Definitions =
    [
        ("accounts.yaml", "accounts"), ("bots.yaml", "bots"), ("botfleets.yaml", "botfleets"), ("halts.yaml", "halts"),
    ];

    private static readonly string[] Policies = ["claims.yaml", "releases.yaml"];

    /// <summary>Installs, and waits until the kinds are served.</summary>
    /// <param name="agents">Whether the cluster's node agents are the bots' wardens, and so need rights of their own.</param>
    /// <exception cref="ApiException">The server refused.</exception>
    /// <exception cref="NewerKindsException">The cluster has kinds of a newer operator, which this one would damage.</exception>
    public static async Task InstallAsync(IApiClient client, bool agents, TimeProvider time, CancellationToken cancellationToken)
    {
        foreach (var (file, plural) in Definitions)
        {
            var path = $"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{BotNames.Group}";
            if (await GetAsync(client, path, cancellationToken) is { } present
                && int.TryParse((string?)present["metadata"]?["annotations"]?[SchemaAnnotation], NumberStyles.None, CultureInfo.InvariantCulture, out var schema) && schema > Schema)
            {
                throw new NewerKindsException($"{plural}.{BotNames.Group} has schema {schema}, of a newer operator; this one knows {Schema}. Run the newer one.");
            }

            await ApplyAsync(client, path, Text(file), cancellationToken);
        }

        foreach (var document in Text("access.yaml").Split("\n---\n").Where(d => agents || !d.Contains("name: kaji:bot-wardens", StringComparison.Ordinal)))
        {
            var (kind, name) = (Field(document, "kind"), Field(document, "  name"));
            await ApplyAsync(client, $"/apis/rbac.authorization.k8s.io/v1/{kind.ToLowerInvariant()}s/{Uri.EscapeDataString(name)}", document, cancellationToken);
        }

        foreach (var (_, plural) in Definitions)
        {
            while ((await GetAsync(client, $"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{BotNames.Group}", cancellationToken))?["status"]?["conditions"] is not JsonArray conditions
                || !conditions.Any(c => (string?)c!["type"] == "Established" && (string?)c["status"] == "True"))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
            }
        }

        foreach (var document in Policies.SelectMany(f => Text(f).Split("\n---\n")))
        {
            var plural = Field(document, "kind") == "ValidatingAdmissionPolicy" ? "validatingadmissionpolicies" : "validatingadmissionpolicybindings";
            await ApplyAsync(client, $"/apis/admissionregistration.k8s.io/v1/{plural}/{Field(document, "  name")}", document, cancellationToken);
        }
    }

    private static async Task<JsonNode?> GetAsync(IApiClient client, string path, CancellationToken cancellationToken)
    {
        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path), cancellationToken);
        return response.IsSuccessStatusCode ? JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken)) : null;
    }

    private static async Task ApplyAsync(IApiClient client, string path, string yaml, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, path + "?fieldManager=kaji-bots&force=true") { Content = new StringContent(yaml) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/apply-patch+yaml");
        using var response = await client.SendAsync(request, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{path} could not be installed: {(string?)JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken))?["message"] ?? response.ReasonPhrase}");
        }
    }

    private static string Text(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file) ?? throw new InvalidOperationException($"{file} is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The first value under a name; our own files are written so.</summary>
    private static string Field(string yaml, string name) =>
        yaml.Split('\n').First(l => l.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..].Trim().Trim('"');
}

/// <summary>The cluster has kinds of a newer operator than this one.</summary>
public sealed class NewerKindsException(string message) : InvalidOperationException(message);
