using System.Threading.Channels;

namespace Kaji.Engine.Runtime;

/// <summary>Hands events to every subscriber; one that lags gets a single Resync as the last thing in its full channel, and nothing more until it has read that.</summary>
internal sealed class EventHub(int capacity)
{
    private readonly Lock _gate = new();
    private readonly List<Subscriber> _subscribers = [];

    public ChannelReader<ContainerEvent> Subscribe()
    {
        var channel = Channel.CreateBounded<ContainerEvent>(new BoundedChannelOptions(capacity + 1) { SingleReader = true });
        lock (_gate)
        {
            _subscribers.Add(new Subscriber(channel));
        }

        return channel.Reader;
    }

    public void Publish(ContainerEvent change)
    {
        lock (_gate)
        {
            foreach (var subscriber in _subscribers)
            {
                subscriber.Offer(change, capacity);
            }
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            foreach (var subscriber in _subscribers)
            {
                subscriber.Complete();
            }
        }
    }

    private sealed class Subscriber(Channel<ContainerEvent> channel)
    {
        private bool _overflown;

        public void Offer(ContainerEvent change, int capacity)
        {
            if (_overflown && channel.Reader.Count > 0)
            {
                return;
            }

            _overflown = channel.Reader.Count >= capacity;
            channel.Writer.TryWrite(_overflown ? new ContainerEvent(ContainerEventKind.Resync, "", "") : change);
        }

        public void Complete() => channel.Writer.TryComplete();
    }
}
