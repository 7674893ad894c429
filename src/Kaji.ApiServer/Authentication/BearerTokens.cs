namespace Kaji.ApiServer.Authentication;

/// <summary>Knows one sort of bearer token.</summary>
public interface ITokenAuthenticator
{
    /// <summary>Whose token it is; null when it is not of this sort, or not good.</summary>
    /// <param name="audiences">One of them must be the token's; empty for the API server's own.</param>
    ValueTask<TokenIdentity?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken);
}

/// <summary>What a good token says.</summary>
/// <param name="User">Whose it is.</param>
/// <param name="Audiences">Those of the audiences asked for that the token is meant for.</param>
public sealed record TokenIdentity(UserInfo User, IReadOnlyList<string> Audiences);

/// <summary>Bearer tokens of all sorts the server was started with, asked in order: service accounts, bootstrap tokens, OpenID Connect.</summary>
public sealed class BearerTokens(params IReadOnlyList<ITokenAuthenticator> sorts) : ITokenAuthenticator
{
    public async ValueTask<TokenIdentity?> AuthenticateAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellationToken)
    {
        foreach (var sort in sorts)
        {
            if (await sort.AuthenticateAsync(token, audiences, cancellationToken) is { } identity)
            {
                return identity;
            }
        }

        return null;
    }
}
