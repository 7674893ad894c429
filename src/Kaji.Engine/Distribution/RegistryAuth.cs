using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Kaji.Engine.Distribution;

/// <summary>Answers a registry's challenge: Basic, or a Bearer token from the server it names (distribution's token specification).</summary>
internal sealed class RegistryAuth(HttpClient http, RegistryCredential? credential)
{
    /// <summary>What to send with each request; null before the first challenge.</summary>
    public AuthenticationHeaderValue? Header { get; private set; }

    /// <summary>False when there is nothing to answer with.</summary>
    public async Task<bool> AnswerAsync(HttpResponseMessage challenge, string repository, CancellationToken cancellationToken)
    {
        foreach (var header in challenge.Headers.WwwAuthenticate)
        {
            if (header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) && credential is not null)
            {
                Header = Basic(credential);
                return true;
            }

            if (header.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            {
                var parameters = Parameters(header.Parameter ?? "");
                if (parameters.TryGetValue("realm", out var realm) && Uri.TryCreate(realm, UriKind.Absolute, out var address))
                {
                    Header = await TokenAsync(address, parameters, repository, cancellationToken).ConfigureAwait(false);
                    return Header is not null;
                }
            }
        }

        return false;
    }

    // realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"
    internal static Dictionary<string, string> Parameters(string text)
    {
        var result = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var at = 0; at < text.Length;)
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0)
            {
                break;
            }

            var key = text[at..equals].Trim(' ', ',');
            int end;
            if (equals + 1 < text.Length && text[equals + 1] == '"')
            {
                end = text.IndexOf('"', equals + 2);
                end = end < 0 ? text.Length : end;
                result[key] = text[(equals + 2)..end];
            }
            else
            {
                end = text.IndexOf(',', equals);
                end = end < 0 ? text.Length : end;
                result[key] = text[(equals + 1)..end].Trim();
            }

            at = end + 1;
        }

        return result;
    }

    private async Task<AuthenticationHeaderValue?> TokenAsync(Uri realm, Dictionary<string, string> parameters, string repository, CancellationToken cancellationToken)
    {
        var scope = parameters.GetValueOrDefault("scope") ?? $"repository:{repository}:pull";
        var query = $"scope={Uri.EscapeDataString(scope)}";
        if (parameters.TryGetValue("service", out var service))
        {
            query += $"&service={Uri.EscapeDataString(service)}";
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = realm.Query.Length > 1 ? realm.Query[1..] + "&" + query : query }.Uri);
        request.Headers.Authorization = credential is null ? null : Basic(credential);
        using var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            return null;
        }

        using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        var token = Images.ImageConfig.Text(document.RootElement, "token") ?? Images.ImageConfig.Text(document.RootElement, "access_token");
        return token is null ? null : new AuthenticationHeaderValue("Bearer", token);
    }

    private static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Password}")));
}
