using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>One object as it changes, for whoever waits for something of it: over watches that end (a server restarts) and connections that break, until the caller has seen enough.</summary>
public static class ObjectStates
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>The object as it is known, then each state after that; null when it is not there (any more).</summary>
    /// <param name="known">Where to begin: each change after this version is seen while the connection holds.</param>
    /// <exception cref="ApiException">The server refuses to tell.</exception>
    public static async IAsyncEnumerable<T?> FollowAsync<T>(this IApiClient client, ResourceKind<T> kind, T known, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var (ns, name, now) = (known.Metadata.NamespaceProperty, known.Metadata.Name, (T?)known);
        while (true)
        {
            yield return now;
            var options = new ListOptions { FieldSelector = $"metadata.name={name}", ResourceVersion = now?.Metadata.ResourceVersion };
            await using (var watch = client.WatchAsync(kind, ns, options, cancellationToken).GetAsyncEnumerator(cancellationToken))
            {
                while (await TryAsync(() => watch.MoveNextAsync().AsTask(), cancellationToken) is { Answer: true })
                {
                    if (watch.Current.Type != WatchEventType.Bookmark)
                    {
                        yield return watch.Current.Type == WatchEventType.Deleted ? null : watch.Current.Object;
                    }
                }
            }

            Found<T?>? found;
            do
            {
                await Task.Delay(Pause, time, cancellationToken);
                found = await TryAsync(() => client.FindAsync(kind, ns, name, cancellationToken), cancellationToken);
            }
            while (found is null);

            now = found.Answer;
        }
    }

    /// <returns>Null when the server can't be reached or has no answer at the moment.</returns>
    private static async Task<Found<TAnswer>?> TryAsync<TAnswer>(Func<Task<TAnswer>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return new Found<TAnswer>(await ask());
        }
        catch (ApiException e) when (e.IsGone || e.Code is 429 or >= 500)
        {
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or JsonException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private sealed record Found<TAnswer>(TAnswer Answer);
}
